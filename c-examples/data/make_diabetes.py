"""Makes diabetes.csv again.

    pip install scikit-learn==1.9.1
    python3 make_diabetes.py
"""

from pathlib import Path

from sklearn.datasets import load_diabetes

# The total cholesterol (s1) goes last: it is what is predicted.
ORDER = ["age", "sex", "bmi", "bp", "s2", "s3", "s4", "s5", "s6", "s1"]


def main():
    table = load_diabetes(scaled=False)
    columns = [table.feature_names.index(name) for name in ORDER]
    lines = [
        "# 442 patients: age, sex, body mass index, blood pressure | LDL, HDL, total cholesterol / HDL,",
        "# logarithm of triglycerides, glucose | total cholesterol",
    ]
    lines += [",".join(f"{value:.6g}" for value in row[columns]) for row in table.data]
    text = "\n".join(lines) + "\n"
    (Path(__file__).resolve().parent / "diabetes.csv").write_text(text, "ascii", newline="\n")


if __name__ == "__main__":
    main()
