"""Makes the two CSV files of sampled pixels again, from the photographs beside it.

    python3 make_samples.py

One line a pixel: red, green, blue, each from 0 to 1. Pixels lie in the middle of the cells of a
grid. Needs nothing but Python 3.
"""

from pathlib import Path

# name -> (rows, columns) of the grid
GRIDS = {"coffee": (8, 8), "shuttle": (6, 8)}


def read_ppm(path):
    """Width, height and bytes of a binary PPM file as make_photos.py writes them."""
    magic, size, _, pixels = path.read_bytes().split(b"\n", 3)
    assert magic == b"P6"
    width, height = map(int, size.split())
    return width, height, pixels


def main():
    folder = Path(__file__).resolve().parent
    for name, (rows, columns) in GRIDS.items():
        width, height, pixels = read_ppm(folder / f"{name}.ppm")
        lines = [f"# {rows * columns} pixels of {name}.ppm: red, green, blue"]
        for i in range(rows):
            for j in range(columns):
                y = (2 * i + 1) * height // (2 * rows)
                x = (2 * j + 1) * width // (2 * columns)
                at = 3 * (y * width + x)
                lines.append(",".join(f"{value / 255:.6f}" for value in pixels[at : at + 3]))
        text = "\n".join(lines) + "\n"
        (folder / f"{name}_pixels.csv").write_text(text, encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
