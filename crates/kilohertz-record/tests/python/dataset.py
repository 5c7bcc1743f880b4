"""Reads a LeRobot data set with pyarrow and pandas, checks what LeRobot relies on, and prints it as JSON:
``dataset.py FOLDER``."""

import json
import sys
from pathlib import Path

import av
import numpy
import pandas
import pyarrow
import pyarrow.parquet

folder = Path(sys.argv[1])
info = json.loads((folder / "meta/info.json").read_text())
stats = json.loads((folder / "meta/stats.json").read_text())
tasks = pandas.read_parquet(folder / "meta/tasks.parquet")
assert list(tasks.columns) == ["task_index"] and tasks.index.name is None


def tables(part):
    return [pyarrow.parquet.read_table(path) for path in sorted((folder / part).glob("*/*.parquet"))]


data = pyarrow.concat_tables(tables("data"))
episodes = pyarrow.concat_tables(tables("meta/episodes")).to_pandas()
frames = data.to_pandas()

# The columns are the features, with their types and shapes.
videos = [name for name, feature in info["features"].items() if feature["dtype"] == "video"]
assert set(data.column_names) == set(info["features"]) - set(videos), data.column_names
for name, feature in info["features"].items():
    if feature["dtype"] == "video":
        continue
    kind = data.schema.field(name).type
    if feature["dtype"] == "image":
        assert str(kind) == "struct<bytes: binary, path: string>", kind
        assert all(value["bytes"][:8] == b"\x89PNG\r\n\x1a\n" for value in frames[name])
    elif feature["shape"] == [1]:
        assert str(kind) == {"float32": "float", "int64": "int64"}[feature["dtype"]], (name, kind)
    else:
        assert str(kind) == "list<element: float>", (name, kind)
        assert all(len(row) == feature["shape"][0] for row in frames[name])


def decoded(name, episode):
    """Returns the times and the images of an episode in its video."""
    part = f"videos/{name}"
    path = folder / info["video_path"].format(
        video_key=name, chunk_index=episode[f"{part}/chunk_index"], file_index=episode[f"{part}/file_index"]
    )
    first, last = episode[f"{part}/from_timestamp"], episode[f"{part}/to_timestamp"]
    times, images = [], []
    with av.open(str(path)) as container:
        [stream] = container.streams
        about = info["features"][name]["info"]
        assert (stream.codec_context.name, stream.pix_fmt) == (about["video.codec"], about["video.pix_fmt"])
        assert [stream.height, stream.width, 3] == info["features"][name]["shape"]
        for frame in container.decode(stream):
            time = float(frame.pts * stream.time_base)
            if first - 1e-4 <= time < last - 1e-4:
                times.append(time)
                images.append(frame.to_ndarray(format="rgb24"))
    return numpy.array(times), numpy.stack(images)


# Exact times, and indices without a gap over all files.
assert len(frames) == info["total_frames"] and len(episodes) == info["total_episodes"]
assert (frames["index"] == range(len(frames))).all()
expected = (frames["frame_index"] / info["fps"]).to_numpy().astype(numpy.float32)
assert (frames["timestamp"].to_numpy() == expected).all()
for _, episode in episodes.iterrows():
    rows = frames[episode["dataset_from_index"] : episode["dataset_to_index"]]
    assert len(rows) == episode["length"]
    assert (rows["episode_index"] == episode["episode_index"]).all()
    assert (rows["frame_index"] == range(len(rows))).all()
    path = info["data_path"].format(
        chunk_index=episode["data/chunk_index"], file_index=episode["data/file_index"]
    )
    assert episode["episode_index"] in set(pandas.read_parquet(folder / path)["episode_index"])
    for name in videos:
        times, _ = decoded(name, episode)
        # Times as LeRobot asks for them: that of the frame, after that of the episode in the file.
        asked = episode[f"videos/{name}/from_timestamp"] + rows["timestamp"].to_numpy()
        assert len(times) == len(rows) and abs(times - asked).max() < 1e-4, (name, times, asked)
    [task] = episode["tasks"]
    assert (rows["task_index"] == tasks.loc[task, "task_index"]).all()
    for name in ["observation.state", "action", "timestamp"]:
        values = numpy.stack(rows[name].to_numpy()).astype(numpy.float64).reshape(len(rows), -1)
        for part, value in [
            ("min", values.min(0)),
            ("max", values.max(0)),
            ("mean", values.mean(0)),
            ("std", values.std(0)),
            ("q01", numpy.quantile(values, 0.01, axis=0)),
            ("q90", numpy.quantile(values, 0.9, axis=0)),
        ]:
            numpy.testing.assert_allclose(episode[f"stats/{name}/{part}"], value, atol=1e-9)
        assert list(episode[f"stats/{name}/count"]) == [len(rows)]
for name in ["observation.state", "action"]:
    values = numpy.stack(frames[name].to_numpy()).astype(numpy.float64).reshape(len(frames), -1)
    numpy.testing.assert_allclose(stats[name]["mean"], values.mean(0), atol=1e-9)
    numpy.testing.assert_allclose(stats[name]["std"], values.std(0), atol=1e-9)
for name, feature in info["features"].items():
    if feature["dtype"] in ("image", "video"):
        assert numpy.array(stats[name]["mean"]).shape == (3, 1, 1)

print(
    json.dumps(
        {
            "info": info,
            "tasks": {task: int(row["task_index"]) for task, row in tasks.iterrows()},
            "episodes": [
                [int(e["episode_index"]), list(e["tasks"]), int(e["length"]), int(e["dataset_from_index"])]
                for _, e in episodes.iterrows()
            ],
            "state": [[float(v) for v in numpy.atleast_1d(row)] for row in frames["observation.state"]],
            "action": [[float(v) for v in numpy.atleast_1d(row)] for row in frames["action"]],
            "image bytes": {
                name: [len(value["bytes"]) for value in frames[name]][:3]
                for name, feature in info["features"].items()
                if feature["dtype"] == "image"
            },
            "colours": {
                name: [decoded(name, e)[1].mean((1, 2)).round(1).tolist() for _, e in episodes.iterrows()]
                for name in videos
            },
            "stats": {name: {part: stats[name][part] for part in ["min", "max", "count"]} for name in stats},
        },
        indent=1,
        sort_keys=True,
    )
)
