import { readFileSync } from 'node:fs'
import { Classifier } from '../../src/trace/classify.ts'
import type { FrameSource } from '../../src/trace/frame-source.ts'
import { readPcap, vectorPath } from '../vectors/pcap.ts'
import { readPcapng } from '../vectors/pcapng.ts'

/** Frames of a capture file as a trace would have them: frame n is packet n. */
export class CapturedTrace implements FrameSource {
  firstKept = 1
  private readonly connections: readonly number[]
  /** Which frames were looked at, in order. */
  readonly looked: number[] = []

  constructor(
    readonly frames: readonly Uint8Array[],
    public keyLog: readonly string[],
    public frameCount = frames.length,
  ) {
    const classifier = new Classifier()
    this.connections = frames.map((frame) => {
      classifier.classify(frame)
      return classifier.connectionNumber
    })
  }

  /** Of a capture among the vectors. @param keys a key log beside it */
  static read(name: string, keys?: string): CapturedTrace {
    const isPcapng = name.endsWith('.pcapng')
    const { frames, keyLog } = isPcapng ? readPcapng(name) : { frames: readPcap(name), keyLog: '' }
    const log = keys === undefined ? keyLog : readFileSync(vectorPath(keys), 'latin1')
    return new CapturedTrace(
      frames.map(({ bytes }) => bytes),
      log.split('\n').filter((line) => line !== ''),
    )
  }

  connectionOf(frame: number): number {
    return this.connections[frame - 1]
  }

  bytesAsSent(frame: number): Uint8Array | undefined {
    this.looked.push(frame)
    return frame < this.firstKept ? undefined : this.frames[frame - 1]
  }

  bytes(frame: number): Uint8Array | undefined {
    return frame < this.firstKept ? undefined : this.frames[frame - 1]
  }
}
