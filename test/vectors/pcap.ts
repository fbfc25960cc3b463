import { readFileSync } from 'node:fs'

export interface CapturedFrame {
  /** Position in the file, from 1, as tshark counts. */
  readonly number: number
  /** Microseconds since 1970-01-01. */
  readonly time: number
  readonly bytes: Uint8Array
}

/** Reads a capture of this folder: classic pcap, little-endian, microseconds, Ethernet. */
export function readPcap(name: string): CapturedFrame[] {
  const file = readFileSync(vectorPath(name))
  if (file.readUInt32LE(0) !== 0xa1b2c3d4 || file.readUInt32LE(20) !== 1) throw new Error(`${name} is another kind of file`)
  const frames: CapturedFrame[] = []
  let at = 24
  while (at < file.length) {
    const length = file.readUInt32LE(at + 8)
    const time = file.readUInt32LE(at) * 1_000_000 + file.readUInt32LE(at + 4)
    frames.push({ number: frames.length + 1, time, bytes: new Uint8Array(file.subarray(at + 16, at + 16 + length)) })
    at += 16 + length
  }
  return frames
}

/** Where a file of this folder is. */
export function vectorPath(name: string): string {
  return new URL(name, import.meta.url).pathname
}
