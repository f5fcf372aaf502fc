"""Makes the two 96 x 96 example photographs again.

Set-up (any recent Python 3; only the images bundled with scikit-image are
used, nothing else is fetched):

    python3 -m venv venv
    venv/bin/pip install scikit-image==0.26.0
    venv/bin/python make_photos.py

The files are written next to this script. Every crop is a whole multiple of
96 pixels wide and high, so that shrinking is the mean of k x k blocks, done in
integers and rounded half up: the same bytes come out on every machine.
"""

from pathlib import Path

import numpy as np
from skimage import data

SIZE = 96

# name -> (source picture, first row, first column, side of the square crop)
CROPS = {
    "coffee": (data.coffee, 8, 108, 384),
    "shuttle": (data.astronaut, 0, 320, 192),
}


def shrink(picture):
    """Mean of k x k blocks of a square RGB picture, rounded half up."""
    k = picture.shape[0] // SIZE
    blocks = picture.astype(np.uint32).reshape(SIZE, k, SIZE, k, 3)
    return ((blocks.sum(axis=(1, 3)) + k * k // 2) // (k * k)).astype(np.uint8)


def main():
    folder = Path(__file__).resolve().parent
    for name, (load, row, column, side) in CROPS.items():
        crop = load()[row : row + side, column : column + side]
        header = f"P6\n{SIZE} {SIZE}\n255\n".encode("ascii")
        (folder / f"{name}.ppm").write_bytes(header + shrink(crop).tobytes())


if __name__ == "__main__":
    main()
