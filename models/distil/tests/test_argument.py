import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from outrider_distil import corpus, cut, distil, measure, teach, write


class Arguments(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "config.json").write_text("{}")
        (self.folder / "text.jsonl").write_text("{}\n")

    def assert_refused(self, command, given: list[str], sentence: str):
        said = io.StringIO()
        with (
            self.subTest(sentence),
            mock.patch.object(sys, "argv", ["command", *given]),
            contextlib.redirect_stderr(said),
            self.assertRaises(SystemExit),
        ):
            command.options()
        self.assertIn(sentence, said.getvalue())

    def test_out_of_range_are_refused_by_name_with_the_limit(self):
        there = ["--text", f"{self.folder}/text.jsonl", "--out", "x"]
        distilled = ["--student", f"{self.folder}", *there]
        cut_out = ["--model", f"{self.folder}", *there, "--channels", "1"]
        for command, own, option, value, limits in [
            (distil, distilled, "--teacher-temperature", "0", "must be above 0"),
            (distil, distilled, "--rate", "nan", "must be above 0"),
            (distil, distilled, "--acceptance", "1.5", "must be from 0 to 1"),
            (distil, distilled, "--warmup", "0", "must be 1 or more"),
            (cut, cut_out, "--rate", "0", "must be above 0"),
            (cut, cut_out, "--readings", "-1", "must be 0 or more"),
        ]:
            self.assert_refused(command, [*own, option, value], f"argument {option}: {value} {limits}")

    def test_paths_that_lead_nowhere_are_refused_by_name(self):
        checkpoint = "there is no folder none with config.json in it"
        for command, option, missing in [
            (distil, "--student", checkpoint),
            (distil, "--teacher", checkpoint),
            (distil, "--rows-from", checkpoint),
            (distil, "--text", "there is no file none"),
            (distil, "--mean-of", "there is no folder none with checkpoint.pt in it"),
            (cut, "--model", checkpoint),
            (cut, "--cut", checkpoint),
            (measure, "--answers", "there is no file none"),
            (measure, "--kept", "there is no folder none with pack.json in it"),
            (teach, "--teacher", checkpoint),
            (write, "--target", checkpoint),
            (write, "--prompts", "there is no file none"),
        ]:
            self.assert_refused(command, [option, "none"], f"argument {option}: {missing}")

    def test_a_line_that_is_no_line_is_refused_by_its_number(self):
        file = self.folder / "lines.jsonl"
        for line in ["no JSON", "[1]", '{"prompt": [1]}', ""]:
            file.write_text(f'{{"prompt": [], "answer": [1]}}\n{line}\n')
            with self.subTest(line), self.assertRaises(SystemExit) as refused:
                list(corpus.raw_lines(file))
            self.assertEqual(
                str(refused.exception), f'{file}, line 2: it must be a JSON object with "prompt" and "answer"'
            )
