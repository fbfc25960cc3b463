import type { Http3ServerEvent } from '../protocols/http3/event.ts'
import type { Http3FrameNotice } from '../protocols/http3/options.ts'
import { Http3Server } from '../protocols/http3/server.ts'
import type { Http3Transport } from '../protocols/http3/transport.ts'
import type { QuicEvent } from '../protocols/quic/event.ts'
import type { AppContext } from '../host/socket.ts'
import type { ServerQuicSettings } from '../scenario/quic-settings.ts'
import { DirectedSite } from './directed-site.ts'
import type { HttpService } from './http-service.ts'
import { LevelTransport } from './level-transport.ts'
import type { QuicServed } from './quic-listener.ts'
import { describedSettings } from './quic-options.ts'
import type { QuicUser } from './quic-user.ts'
import { described, ServedStreams } from './served-streams.ts'

/** One connection under HTTP/3. QUIC sends it by itself, in the order of priorities, as fast as it may. */
export class ServedHttp3 extends ServedStreams implements QuicUser {
  protected readonly http: Http3Server
  /** Streams all of whose bytes so far came as early data. */
  private readonly early = new Set<number>()

  /** @param names DNS names of the server */
  constructor(
    context: AppContext,
    service: HttpService,
    private readonly quic: QuicServed,
    settings: ServerQuicSettings,
    private readonly names: readonly string[],
  ) {
    super(context, service, quic, { isSecure: true })
    const { qpackTableCapacity, qpackBlockedStreams, datagrams } = settings
    this.http = new Http3Server(this.transport(), {
      settings: { qpackMaxTableCapacity: qpackTableCapacity, qpackBlockedStreams, datagrams },
      qpackTableCapacity,
      qpackBlockedStreams,
      onFrame: this.onFrame,
    })
  }

  private transport(): Http3Transport {
    const { quic } = this.quic
    const { scheduler } = this.service
    return scheduler === 'priority' ? quic : new LevelTransport(quic, scheduler === 'fair')
  }

  handleEvent(event: QuicEvent): void {
    switch (event.type) {
      case 'stream-data':
        if (event.early) this.early.add(event.stream)
        else if (this.early.size > 0) this.early.delete(event.stream)
        this.http.handle(event, this.context.environment.now)
        return
      case 'connected':
        if (event.serverName !== undefined) this.service = new DirectedSite(this.service, event.serverName, this.names)
        return
      case 'stream-opened':
      case 'stream-reset':
      case 'stop-sending':
      case 'streams-available':
      case 'datagram':
      case 'draining':
      case 'closed':
        this.http.handle(event, this.context.environment.now)
        if (event.type === 'closed') this.end()
        return
      default:
    }
  }

  settle(): void {
    this.takeEvents()
    this.wrote.wake()
  }

  protected takeEvents(): void {
    for (let event = this.http.pollEvent(); event !== undefined; event = this.http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http3ServerEvent): void {
    switch (event.type) {
      case 'goaway':
        this.record('http3:goaway-received', { firstRefused: event.firstRefused, ...described(event.error) })
        return
      case 'blocked':
        this.record('qpack:blocked', { stream: event.stream, requiredInsertCount: event.requiredInsertCount })
        return
      case 'unblocked':
        this.record('qpack:unblocked', { stream: event.stream })
        return
      case 'settings':
        this.record('http3:settings-received', describedSettings(event.settings))
        return
      case 'datagram':
        return
      case 'reset':
        this.early.delete(event.stream)
        this.take(event)
        return
      case 'closed':
        this.take(event)
        this.end()
        return
      default:
        this.take(event)
    }
  }

  private readonly onFrame = ({ direction, stream, type, length, from, to }: Http3FrameNotice): void => {
    this.record(`http3:frame-${direction}`, { stream, type, length, from, to })
  }

  protected isEarly(stream: number): boolean {
    return this.early.delete(stream)
  }

  protected consume(): void {
    // What arrives counts as consumed at once.
  }

  protected breakOff(stream: number): void {
    this.http.cancel(stream, 'H3_INTERNAL_ERROR')
  }

  protected push(): void {
    // Deviates from RFC 9114 section 4.6, which nobody speaks: nothing is pushed.
  }

  /** The last byte is going out just now. */
  protected whenSent(record: () => void): void {
    record()
  }

  protected flush(): void {
    this.quic.flush()
  }
}
