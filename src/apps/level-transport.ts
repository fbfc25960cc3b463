import type { BodySource } from '../protocols/body-source.ts'
import type { Http3Transport } from '../protocols/http3/transport.ts'
import type { HttpPriority } from '../protocols/http-message.ts'

/** Whether a stream is a client's for a request (RFC 9000 section 2.1). */
function isRequest(stream: number): boolean {
  return stream % 4 === 0
}

/** A connection on which all responses have the same priority, whatever was asked for. What belongs to no request keeps its own. */
export class LevelTransport implements Http3Transport {
  /** @param isShared whether each has its turn; else one follows the other */
  constructor(
    private readonly below: Http3Transport,
    private readonly isShared: boolean,
  ) {}

  get maxDatagramPayload(): number {
    return this.below.maxDatagramPayload
  }

  setPriority(stream: number, priority: HttpPriority): void {
    this.below.setPriority(stream, isRequest(stream) ? { urgency: 3, incremental: this.isShared } : priority)
  }

  canOpenStream(bidirectional: boolean): boolean {
    return this.below.canOpenStream(bidirectional)
  }

  openStream(bidirectional: boolean): number {
    return this.below.openStream(bidirectional)
  }

  send(stream: number, bytes: Uint8Array): void {
    this.below.send(stream, bytes)
  }

  sendSource(stream: number, source: BodySource): void {
    this.below.sendSource(stream, source)
  }

  end(stream: number): void {
    this.below.end(stream)
  }

  buffered(stream: number): number {
    return this.below.buffered(stream)
  }

  reset(stream: number, code: number): void {
    this.below.reset(stream, code)
  }

  stopSending(stream: number, code: number): void {
    this.below.stopSending(stream, code)
  }

  consume(stream: number, bytes: number): void {
    this.below.consume(stream, bytes)
  }

  sendDatagram(bytes: Uint8Array): void {
    this.below.sendDatagram(bytes)
  }

  close(code: number, reason: string): void {
    this.below.close(code, reason)
  }
}
