"""Writes a recording again, with the chunks compressed in another way: ``rewrite.py FROM TO lz4|zstd|none``."""

import sys

from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

source, target, compression = sys.argv[1:]
with open(source, "rb") as read, open(target, "wb") as written:
    reader = make_reader(read)
    writer = Writer(written, chunk_size=20_000, compression=CompressionType[compression.upper()])
    writer.start()
    for metadata in reader.iter_metadata():
        writer.add_metadata(metadata.name, metadata.metadata)
    schemas, channels = {}, {}
    for schema, channel, message in reader.iter_messages(log_time_order=False):
        if schema.id not in schemas:
            schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
        if channel.id not in channels:
            channels[channel.id] = writer.register_channel(
                channel.topic, channel.message_encoding, schemas[schema.id]
            )
        writer.add_message(
            channels[channel.id], message.log_time, message.data, message.publish_time, message.sequence
        )
    writer.finish()
print(compression)
