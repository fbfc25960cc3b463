import { readFileSync } from 'node:fs'
import type { CapturedFrame } from './pcap.ts'
import { vectorPath } from './pcap.ts'

const ENHANCED_PACKET = 6
const DECRYPTION_SECRETS = 10

export interface PcapngContent {
  readonly frames: readonly CapturedFrame[]
  /** What the Decryption Secrets Blocks hold: a key log. */
  readonly keyLog: string
}

/** Reads a capture of this folder: pcapng, little-endian, microseconds, Ethernet. */
export function readPcapng(name: string): PcapngContent {
  const file = readFileSync(vectorPath(name))
  const frames: CapturedFrame[] = []
  let keyLog = ''
  for (let at = 0; at < file.length;) {
    const type = file.readUInt32LE(at)
    const length = file.readUInt32LE(at + 4)
    if (type === ENHANCED_PACKET) {
      const time = file.readUInt32LE(at + 12) * 2 ** 32 + file.readUInt32LE(at + 16)
      const start = at + 28
      const bytes = new Uint8Array(file.subarray(start, start + file.readUInt32LE(at + 20)))
      frames.push({ number: frames.length + 1, time, bytes })
    } else if (type === DECRYPTION_SECRETS) {
      keyLog += file.toString('latin1', at + 16, at + 16 + file.readUInt32LE(at + 12))
    }
    at += length
  }
  return { frames, keyLog }
}
