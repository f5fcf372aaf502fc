"""Makes digits.csv again.

    pip install scikit-learn==1.9.1
    python3 make_digits.py
"""

from pathlib import Path

from sklearn.datasets import load_digits

DIGITS, EACH = range(4), 10


def main():
    table = load_digits()
    lines = ["# The digit, then 8 x 8 pixels row by row, 0 to 16: the first ten of each digit from 0 to 3."]
    for digit in DIGITS:
        images = table.data[table.target == digit][:EACH]
        lines += [",".join(str(int(value)) for value in (digit, *image)) for image in images]
    text = "\n".join(lines) + "\n"
    (Path(__file__).resolve().parent / "digits.csv").write_text(text, "ascii", newline="\n")


if __name__ == "__main__":
    main()
