/** FNV-1a over 32 bits (Fowler, Noll, Vo): tells whether two bodies are the same, not whether somebody meant them to differ. */
export class Digest {
  private hash = 0x811c9dc5

  update(bytes: Uint8Array): void {
    let { hash } = this
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
    this.hash = hash
  }

  /** Of all bytes so far: eight hexadecimal digits. */
  get value(): string {
    return (this.hash >>> 0).toString(16).padStart(8, '0')
  }
}
