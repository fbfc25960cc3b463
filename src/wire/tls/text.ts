/** Text of ASCII bytes; undefined when one is not printable ASCII. */
export function asciiText(bytes: Uint8Array): string | undefined {
  let text = ''
  for (const byte of bytes) {
    if (byte < 0x21 || byte > 0x7e) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/**
 * A byte for each code point.
 * @throws RangeError when one is above 255
 */
export function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) throw new RangeError(`${text} cannot be written with a byte for each character`)
    bytes[i] = code
  }
  return bytes
}
