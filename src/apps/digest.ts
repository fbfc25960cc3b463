import { createHash } from '../crypto/hash.ts'

/** SHA-256 (FIPS 180-4) of a body that comes piece by piece: the same as `sha256sum` prints for the file. */
export class Digest {
  private readonly hash = createHash('sha256')

  update(bytes: Uint8Array): void {
    this.hash.update(bytes)
  }

  /** Of all bytes so far: 64 hexadecimal digits. */
  get value(): string {
    let digits = ''
    for (const byte of this.hash.digest()) digits += byte.toString(16).padStart(2, '0')
    return digits
  }
}
