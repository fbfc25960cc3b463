import { encodeFrameHeader } from '../../wire/http3-frame.ts'
import type { BodySource } from '../body-source.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/** A body cut into DATA frames as it goes out: any part of the frames can be made from its offset alone. */
export class FramedBody implements BodySource {
  /** Headers included, in bytes. */
  readonly length: number
  private readonly header: Uint8Array
  private readonly lastHeader: Uint8Array
  /** Frames of the full size. */
  private readonly full: number
  private toldFrames = 0

  /**
   * @param frameSize largest content of a frame, in bytes
   * @param began is told of each frame when its first byte goes out, with the length of its content
   */
  constructor(
    private readonly content: BodySource,
    private readonly frameSize: number,
    private readonly began: (length: number) => void,
  ) {
    const last = content.length % frameSize
    this.full = Math.floor(content.length / frameSize)
    this.header = encodeFrameHeader('DATA', frameSize)
    this.lastHeader = last === 0 ? NO_BYTES : encodeFrameHeader('DATA', last)
    this.length = content.length + this.full * this.header.length + this.lastHeader.length
  }

  readonly read = (offset: number, most: number): Uint8Array => {
    const { frameSize, full } = this
    const frame = Math.min(full, Math.floor(offset / (this.header.length + frameSize)))
    const within = offset - frame * (this.header.length + frameSize)
    const header = frame < full ? this.header : this.lastHeader
    const length = frame < full ? frameSize : this.content.length % frameSize
    if (within >= header.length) {
      const at = within - header.length
      return this.piece(frame * frameSize + at, Math.min(most, length - at))
    }
    if (frame >= this.toldFrames) {
      this.toldFrames = frame + 1
      this.began(length)
    }
    const rest = header.subarray(within, within + most)
    const room = Math.min(most - rest.length, length)
    if (room === 0) return rest
    // Together, so that they share a packet without being given singly.
    const content = this.piece(frame * frameSize, room)
    const bytes = new Uint8Array(rest.length + content.length)
    bytes.set(rest)
    bytes.set(content, rest.length)
    return bytes
  }

  private piece(offset: number, most: number): Uint8Array {
    const bytes = this.content.read(offset, most)
    if (bytes.length > 0 && bytes.length <= most) return bytes
    throw new LocalProtocolError('a source of a body gave another amount than it may')
  }
}
