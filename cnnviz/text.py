"""Numbers as text: what every caption, legend and sentence writes in one way."""

import numpy as np

MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
# Below these a count, or another whole number, keeps all its digits.
_COUNT, _SENT = 10_000_000, 100_000


def number(value: float, digits: int = 4) -> str:
    """A figure as text: at most four significant digits, thousands apart, a true minus sign.

    A count, which is an integer, keeps all its digits, and so does another whole number of up to five: satellites send
    them.

    >>> number(-12345.6), number(0.000123456), number(28), number(float("nan"))
    ('−12\u202f350', '1.235 × 10⁻⁴', '28', 'no data')
    >>> number(61_706), number(65_535.0), number(7_960_504), number(7_960_504.0)
    ('61\u202f706', '65\u202f535', '7\u202f960\u202f504', '7\u202f961\u202f000')
    """
    if np.isnan(value):
        return "no data"
    if np.isinf(value):
        return MINUS + "∞" if value < 0 else "∞"
    if value == int(value) and abs(value) < (_COUNT if isinstance(value, int | np.integer) else _SENT):
        return f"{int(value):,}".replace(",", THIN).replace("-", MINUS)
    if 1e-3 <= abs(value) < 1e7:
        rounded = float(f"{value:.{digits}g}")
        text = f"{rounded:,}".removesuffix(".0")
        return text.replace(",", THIN).replace("-", MINUS)
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", MINUS)
    return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPT)}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def size(rows: int, cols: int) -> str:
    """Rows × columns as text.

    >>> size(10980, 512)
    '10\u202f980 × 512'
    """
    return f"{number(rows)} × {number(cols)}"


def span(low: float, high: float) -> str:
    """A range of values as text.

    >>> span(-1, 2.5)
    '−1 … 2.5'
    """
    return f"{number(low)} … {number(high)}"


def ground(metres: tuple[float, float]) -> str:
    """Ground sampling distance ``(rows, cols)`` in metres as text, down × across; one figure for square pixels.

    >>> ground((10.0, 10.0)), ground((92.474, 74.571))
    ('10 m/px', '92.47 × 74.57 m/px')
    """
    sides = dict.fromkeys(number(side) for side in metres)
    return f"{' × '.join(sides)} m/px"
