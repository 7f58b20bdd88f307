import unittest

from outrider_distil import corpus

from .support import HELD_OUT, NOTHING, lines


class Corpus(unittest.TestCase):
    def test_splits_as_the_command_does(self):
        held_out = [n for n in range(100) if corpus.split_of([n]) == "held-out"]
        self.assertEqual(held_out, HELD_OUT)

    def test_judges_what_the_target_wrote_and_nothing_else(self):
        batch = corpus.padded([corpus.Line([1, 2, 3], [4, 5], 0, NOTHING), corpus.Line([6], [7, 8, 9], 0, NOTHING)])
        self.assertEqual(batch.ids.tolist(), [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]])
        self.assertEqual(batch.answered.int().tolist(), [[0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])

    def test_batches_hold_each_line_once_and_little_padding(self):
        every = lines(2000)
        seen, padding = [], 0
        for batch in map(corpus.padded, corpus.epoch(every, 256, seed=3)):
            self.assertLessEqual(batch.ids.numel(), 256)
            seen.append(int(batch.answered.sum()))
            padding += batch.ids.numel()
        self.assertEqual(sum(seen), sum(len(line.answer) for line in every))
        self.assertLess(padding, 1.1 * sum(len(line.prompt) + len(line.answer) for line in every))

    def test_compiled_batches_of_one_length_have_one_shape(self):
        every = lines(500, seed=1)
        groups = corpus.epoch(every, 256, seed=3, unit=64)
        batches = [corpus.padded(group, 64, 256) for group in groups]
        self.assertEqual({tuple(batch.ids.shape) for batch in batches}, {(4, 64)})
        answered = sum(len(line.answer) for line in every)
        self.assertEqual(sum(int(batch.answered.sum()) for batch in batches), answered)
        # A line that is longer than a batch is one of its own.
        long = corpus.Line([1] * 200, [2] * 101, 0, NOTHING)
        self.assertEqual(corpus.padded([long], 64, 256).ids.shape, (1, 320))

    def test_every_place_of_a_line_without_a_prompt_is_judged(self):
        batch = corpus.padded([corpus.Line([], [4, 5, 6], 0, NOTHING), corpus.Line([6], [7, 8, 9], 0, NOTHING)])
        self.assertEqual(batch.answered.int().tolist(), [[1, 1, 0, 0], [1, 1, 1, 0]])

    def test_finds_loops(self):
        self.assertTrue(corpus.loops([7] * 11))
        self.assertFalse(corpus.loops(list(range(200))))
