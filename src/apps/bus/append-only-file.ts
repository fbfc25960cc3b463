import type { Disk } from '../../kernel/disk.ts'
import type { FsyncPolicy } from '../../scenario/bus-options.ts'
import { encodeRespCommand } from '../../wire/resp.ts'
import { RespRequestDecoder } from '../../wire/resp-request.ts'
import { joined } from '../../wire/joined.ts'

const FILE = 'appendonly.aof'

/** What came of reading the file. */
export interface Replay {
  readonly commands: readonly (readonly Uint8Array[])[]
  readonly bytes: number
  /** Bytes at its end that are no whole command: they are cut off. */
  readonly cutOff: number
}

/**
 * The log of all that has changed the data, as commands of RESP, from which a server that was killed has its data again. What was not
 * written to the disk when the power goes is lost.
 */
export class AppendOnlyFile {
  /** Bytes on the disk. */
  length = 0
  /** What the system has taken, but not written yet. */
  private pending: Uint8Array[] = []
  private pendingBytes = 0
  /** Which one the last command on the disk was for; -1: nobody knows. */
  private database = -1

  constructor(
    private readonly disk: Disk,
    public policy: FsyncPolicy,
  ) {}

  /** Reads all of it. */
  load(): Replay {
    const pieces = this.disk.read(FILE)
    if (pieces.length === 0) return { commands: [], bytes: 0, cutOff: 0 }
    const all = joined(pieces)
    const decoder = new RespRequestDecoder()
    decoder.push(all)
    const commands: (readonly Uint8Array[])[] = []
    let good = 0
    for (let words = decoder.next(); words !== undefined; words = decoder.next()) {
      commands.push(words.map((word) => word.slice()))
      good = encodedEnd(words, all)
    }
    // One piece from now on: many small ones make reading slow.
    this.disk.replace(FILE, all.subarray(0, good))
    this.length = good
    return { commands, bytes: good, cutOff: all.length - good }
  }

  /** @param database that the command was for */
  append(database: number, words: readonly Uint8Array[]): void {
    if (database !== this.database) {
      this.database = database
      this.push(encodeRespCommand(['SELECT', String(database)].map(ascii)))
    }
    this.push(encodeRespCommand(words))
    if (this.policy === 'always') this.sync()
  }

  private push(bytes: Uint8Array): void {
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
  }

  get waiting(): number {
    return this.pendingBytes
  }

  /** Writes what waits. @returns how many bytes that were */
  sync(): number {
    const bytes = this.pendingBytes
    if (bytes === 0) return 0
    this.disk.append(FILE, joined(this.pending))
    this.pending = []
    this.pendingBytes = 0
    this.length += bytes
    return bytes
  }

  /** Puts the shortest log that gives the same data in its place. @param last database that its last command was for */
  rewrite(commands: readonly (readonly Uint8Array[])[], last: number): void {
    this.pending = []
    this.pendingBytes = 0
    this.database = last
    const all = joined(commands.map(encodeRespCommand))
    this.disk.replace(FILE, all)
    this.length = all.length
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Where a command ends whose words are views of `all`: behind the CR LF of its last word. */
function encodedEnd(words: readonly Uint8Array[], all: Uint8Array): number {
  const last = words[words.length - 1]
  return last.byteOffset - all.byteOffset + last.length + 2
}
