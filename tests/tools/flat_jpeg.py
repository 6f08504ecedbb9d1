"""Writes JPEGs of flat squares of 8 x 8 pixels: all that such an image needs are the squares' mean values."""

import struct


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def luma_and_chroma(color):
    red, green, blue = color
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402


def encode(height, width, color):
    """A baseline JPEG; color(row, column) is the red, green and blue of a square, each from 0 to 255."""
    return encode_channels(height, width, 3, lambda row, column: luma_and_chroma(color(row, column)))


def encode_channels(height, width, channels, values_of):
    """A baseline JPEG of 1 (grey), 3 (YCbCr) or 4 channels (CMYK as it is, without the marker of Adobe's programs)."""
    bits = []

    def put(value, count):
        bits.extend(value >> at & 1 for at in reversed(range(count)))

    before = [0] * channels
    numbers = range(1, channels + 1)
    for row in range(-(-height // 8)):
        for column in range(-(-width // 8)):
            for channel, value in enumerate(values_of(row, column)):
                value = max(-128, min(127, round(value - 128)))
                change = value - before[channel]
                before[channel] = value
                size = abs(change).bit_length()
                put(size, 4)  # the Huffman code of each size below
                put(change if change >= 0 else change + (1 << size) - 1, size)
                put(0, 1)  # no more coefficients
    bits += [1] * (-len(bits) % 8)
    scan = bytes(int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits), 8))

    def huffman(kind, code_length, symbols):
        counts = bytes(len(symbols) if length == code_length else 0 for length in range(1, 17))
        return segment(0xC4, bytes([kind]) + counts + bytes(symbols))

    sampling = b"".join(bytes([number, 0x11, 0]) for number in numbers)
    return (b"\xff\xd8" + segment(0xDB, b"\0" + b"\x08" * 64)  # a mean is an eighth of the first coefficient
            + segment(0xC0, struct.pack(">BHHB", 8, height, width, channels) + sampling)
            + huffman(0x00, 4, range(9)) + huffman(0x10, 1, [0])
            + segment(0xDA, bytes([channels]) + b"".join(bytes([number, 0]) for number in numbers) + b"\0\x3f\0")
            + scan.replace(b"\xff", b"\xff\0") + b"\xff\xd9")
