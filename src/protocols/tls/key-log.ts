const HEX = '0123456789abcdef'

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte >>> 4] + HEX[byte & 15]
  return text
}

/** A line of a key log, as NSS began to write them (RFC 9850): `'CLIENT_RANDOM <client random> <secret>'`. */
export function keyLogLine(label: string, clientRandom: Uint8Array, secret: Uint8Array): string {
  return `${label} ${hex(clientRandom)} ${hex(secret)}`
}
