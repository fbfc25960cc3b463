/**
 * A host's durable storage: what has been written is still there when the host was killed, crashed or was started anew, until the run
 * ends. It takes no time of its own; who wants a slow disk waits.
 */
export interface Disk {
  /** Writes bytes behind all that the file has; makes the file when there is none. The bytes are copied. */
  append(file: string, bytes: Uint8Array): void
  /** The pieces of a file, as they were written, in order; none when there is no such file. Not to be written to. */
  read(file: string): readonly Uint8Array[]
  /** Puts bytes in the place of all that the file has; without any, the file is empty. The bytes are copied. */
  replace(file: string, bytes: Uint8Array): void
}

/** A disk in memory, without an end. */
export class MemoryDisk implements Disk {
  private readonly files = new Map<string, Uint8Array[]>()

  append(file: string, bytes: Uint8Array): void {
    const pieces = this.files.get(file)
    if (pieces === undefined) this.files.set(file, [bytes.slice()])
    else pieces.push(bytes.slice())
  }

  read(file: string): readonly Uint8Array[] {
    return this.files.get(file) ?? []
  }

  replace(file: string, bytes: Uint8Array): void {
    this.files.set(file, bytes.length === 0 ? [] : [bytes.slice()])
  }
}
