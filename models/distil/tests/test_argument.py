import contextlib
import io
import sys
import unittest
from unittest import mock

from outrider_distil import cut, distil


class Arguments(unittest.TestCase):
    def test_out_of_range_are_refused_by_name_with_the_limit(self):
        given = ["--student", "x", "--text", "x", "--out", "x", "--model", "x", "--channels", "1"]
        for command, own, option, value, limits in [
            (distil, given[:6], "--teacher-temperature", "0", "must be above 0"),
            (distil, given[:6], "--rate", "nan", "must be above 0"),
            (distil, given[:6], "--acceptance", "1.5", "must be from 0 to 1"),
            (distil, given[:6], "--warmup", "0", "must be 1 or more"),
            (cut, given[2:], "--rate", "0", "must be above 0"),
            (cut, given[2:], "--readings", "-1", "must be 0 or more"),
        ]:
            said = io.StringIO()
            with (
                self.subTest(option),
                mock.patch.object(sys, "argv", ["command", *own, option, value]),
                contextlib.redirect_stderr(said),
                self.assertRaises(SystemExit),
            ):
                command.options()
            self.assertIn(f"argument {option}: {value} {limits}", said.getvalue())
