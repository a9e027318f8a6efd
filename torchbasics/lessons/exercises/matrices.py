"""Exercises of lesson 3: a product by hand, a bias for a batch."""

from torch import tensor

from torchbasics.lessons.exercises.exercise import Exercise, exercise

_RECTANGLES = (
    tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]),
)
_SQUARES = (tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[5.0, 6.0], [7.0, 8.0]]))
_BATCH = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
_BIAS = tensor([10.0, 20.0, 30.0])
_CROOKED = (
    tensor([[0.123, -1.37, 0.5]]),
    tensor([[2.718, 0.456], [1.618, -0.789], [0.577, 1.414]]),
)


EXERCISES: dict[str, Exercise] = {
    "matmul": exercise(
        lambda a, b: a @ b,
        [_SQUARES, _RECTANGLES, _CROOKED],
        terms=[(1, 0)],
        words={"pairs": lambda a, b: a[:, :, None] * b},
        wrong="""
            number_by_number: a * b
            swapped: b @ a
            rows_with_rows: a @ b.T
            columns_with_columns: a.T @ b
            transposed_result: (a @ b).T
            one_sum: (a * b).sum()
            one_sum_per_row: (a * b).sum(1)
            not_reset: (a @ b).cumsum(1); (a @ b).flatten().cumsum(0).view(len(a), -1)
            cut_to_whole: int(pairs(a, b)).sum(1); int(a) @ int(b)
            square_only: a[:, :len(a)] @ b[:len(a), :len(a)]
            otherwise: (a[:, :, None] + b).sum(1); a[:, :, None] * b; a + b;
                (a ** 2) @ b;
                a.sum(1)[:, None] * b.sum(0); (a[:, :, None] * b).amax(1); a @ (b ** 2);
                (a[:, :, None] * b).mean(1); (a[:, :, None] * b).prod(1);
                (a @ b).sum(1);
                abs(a) @ abs(b); (a @ b) / len(a); (a @ b).sum(0)""",
    ),
    "add_bias": exercise(
        lambda x, b: x + b,
        [(_BATCH, _BIAS), (_BATCH / 8, _CROOKED[0][0]), (_BATCH[1:], _BIAS / 7)],
        wrong="""
            bias_per_example: x + b[:, None]
            one_bias_for_all: x + b.sum(); x + b[0]
            number_by_number: x * b
            bias_sign: x - b
            lists_joined: cat([x, b[None]]); cat([x, b.expand(len(x), -1)], 1)
            otherwise: x.sum(0) + b; x.mean(0) + b; b - x; 0 * x + b; x + 2 * b;
                x + b + 1;
                x + b * arange(1, len(x) + 1)[:, None]; x.T + b; x + len(x) * b;
                x + b / len(x)""",
    ),
}
