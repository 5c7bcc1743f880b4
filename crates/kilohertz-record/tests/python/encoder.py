"""Prints the path of a program ffmpeg."""

import imageio_ffmpeg

print(imageio_ffmpeg.get_ffmpeg_exe())
