"""Compares a CSV file, as pandas reads it, with a Parquet file, as pyarrow reads it, and prints the latter as
JSON: ``table.py CSV PARQUET``."""

import json
import sys

import pandas
import pyarrow.parquet

csv = pandas.read_csv(sys.argv[1], float_precision="round_trip")
table = pyarrow.parquet.read_table(sys.argv[2])
parquet = table.to_pandas()
assert list(csv.columns) == list(parquet.columns), "the columns differ"
pandas.testing.assert_frame_equal(csv, parquet, check_exact=True, check_dtype=False)
print(
    json.dumps(
        {
            "schema": {field.name: str(field.type) for field in table.schema},
            "rows": table.num_rows,
            "groups": pyarrow.parquet.ParquetFile(sys.argv[2]).num_row_groups,
            "first": table.slice(0, 2).to_pylist(),
        }
    )
)
