"""Convolution as a matrix: the same weights, written out, and what sharing them saves."""

from cnnviz.ui.experiments import matrix, matrix_board, matrix_cost, matrix_lesson
from cnnviz.ui.page import controls, page

with page(
    "Convolution as a matrix",
    "Write the image as one long column x. Then a convolution is a matrix M: one row for each output, one column for "
    "each pixel. Many of its cells are empty, and the others repeat the kernel's few weights. Point at a row, then at "
    "a column.",
) as view:
    with controls():
        typed = matrix.controls(view)
    result = matrix.run(view, matrix.setting(typed))
    covered, asked = matrix_lesson.predict(result)
    if not covered:
        matrix_board.show_numbers(result)
    matrix_board.show(result, covered=covered, asked=asked)
    matrix_cost.show()
    matrix_lesson.tasks(result)
