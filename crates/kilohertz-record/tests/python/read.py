"""Prints as JSON what `mcap` for Python reads of a recording: ``read.py FILE``."""

import json
import sys

from mcap.exceptions import EndOfFile
from mcap.reader import NonSeekingReader, make_reader
from mcap_protobuf.decoder import DecoderFactory


def summary_of(messages):
    topics = {}
    first = last = end = joints = pose = image = numbers = None
    log = []
    for schema, channel, message, decoded in messages:
        topics[channel.topic] = topics.get(channel.topic, 0) + 1
        if channel.topic == "/kilohertz/cycle":
            if first is None:
                first = decoded
            last = decoded
        if channel.topic == "/kilohertz/log":
            log.append([decoded.name, decoded.message, decoded.level])
        if channel.topic == "/kilohertz/end":
            end = [decoded.tick, decoded.robot_time_s, decoded.code, decoded.text]
        if channel.topic == "/kilohertz/joint_states":
            joints = [[j.name, j.position, j.velocity, j.effort] for j in decoded.joints]
        if channel.topic == "/kilohertz/pose/O_T_EE":
            p, q = decoded.pose.position, decoded.pose.orientation
            pose = [decoded.frame_id, p.x, p.y, p.z, q.x, q.y, q.z, q.w]
        if schema.name == "foxglove.RawImage":
            image = [decoded.width, decoded.height, decoded.encoding, decoded.step, len(decoded.data)]
        if schema.name == "kilohertz.Numbers":
            numbers = [decoded.time_s, list(decoded.values)]
    cycle = last and {
        "tick": last.tick,
        "robot_time_s": last.robot_time_s,
        "q": list(last.state.q),
        "time": last.state.time,
        "command": list(last.command.joint_position),
        "kind": last.kind,
        "sent_s": last.phases.sent_s,
        "behind_s": last.phases.behind_s,
        "took": last.phases.HasField("took_s"),
        "asked": last.phases.HasField("asked_s"),
    }
    answer = first and [a.joint_position[0] for a in first.answer.actions]
    return {
        "topics": topics,
        "last": cycle,
        "answer": answer,
        "log": log,
        "end": end,
        "joints": joints,
        "pose": pose,
        "image": image,
        "numbers": numbers,
    }


def indexed(path):
    with open(path, "rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None and summary.chunk_indexes, "the file has no index"
        [run] = [m.metadata for m in reader.iter_metadata() if m.name == "kilohertz.run"]
        found = summary_of(reader.iter_decoded_messages())
        found["counted"] = summary.statistics.message_count
        found["run"] = {key: json.loads(value) for key, value in run.items()}
        return found


def streamed(path):
    decoders = [DecoderFactory()]
    messages = []
    ended = "at its end"
    with open(path, "rb") as file:
        reader = NonSeekingReader(file, decoder_factories=decoders)
        try:
            for message in reader.iter_decoded_messages(log_time_order=False):
                messages.append(message)
        except EndOfFile:
            ended = "cut off"
    found = summary_of(messages)
    found["ended"] = ended
    return found


read = streamed if "--streamed" in sys.argv else indexed
print(json.dumps(read(sys.argv[1])))
