import type { App, AppContext, Blocking, TcpListener, TcpSocket } from '../../host/socket.ts'
import { SocketError } from '../../host/socket.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import type { TcpProtocolName } from '../../scenario/tls-settings.ts'
import type { ByteStream } from '../byte-stream.ts'
import { acceptSecurely } from '../secure-stream.ts'
import { ServedHttp2 } from '../served-http2.ts'
import { TlsService } from '../tls-service.ts'
import { Admission, type Obstacle } from './admission.ts'
import { LiveConnection } from './live-connection.ts'
import { LiveHub, type Attendee } from './live-hub.ts'
import { configureLiveServer, liveServerOptions } from './live-options.ts'
import type { LiveServerOptions } from './live-options.ts'
import { LiveSite } from './live-site.ts'
import { RoomBus } from './room-bus.ts'

const OVER_TLS: readonly TcpProtocolName[] = ['h2', 'http/1.1']

/** Into how many parts those who are there are divided, so that not all are pinged at once. */
const SLICES = 8

/** How long a handshake of TLS may take, as with most servers. */
const HANDSHAKE: Nanos = 60 * SECOND

const WORDS = 'news of the day '

/**
 * A server of live connections: WebSocket at `/live`, server-sent events at `/events`, long polling at `/poll`, short polling at `/news`, and
 * `POST /say`; rooms with what was said last in them, by itself or together with others over a bus. What it says is in messages.ts.
 *
 * It has the means with which servers survive a crowd: it lets in so many at once and in a second, refuses newcomers while those who are there
 * suffer, sends away who reads too slowly, lets clients go on with a session, and tells them to go one after the other before it ends.
 */
export class LiveServer implements App {
  private readonly options: LiveServerOptions
  private readonly tls: TlsService | undefined
  private hub: LiveHub | undefined
  private listener: TcpListener | undefined

  constructor(options: Parameters<typeof liveServerOptions>[0]) {
    this.options = liveServerOptions(options)
    this.tls = this.options.tls && new TlsService(this.options.tls)
  }

  *main(context: AppContext): Blocking<void> {
    const { options } = this
    const hub = new LiveHub(context, options)
    this.hub = hub
    if (options.bus !== undefined) {
      hub.bus = new RoomBus(context, options, options.bus, hub.rooms)
      context.spawn(hub.bus.run())
    }
    context.spawn(this.publishNews(context, hub))
    context.spawn(this.beat(context, hub))
    const site = new LiveSite(hub)
    const admission = new Admission(context, options)
    for (;;) {
      yield* this.serve(context, hub, site, admission)
      yield* this.drain(context, hub)
      while (options.drain) yield hub.changed
      hub.isDraining = false
    }
  }

  /** `drain`, and everything that is no matter of how it was started. Throws UnknownSetting. */
  configure(path: string, value: unknown): void {
    if (path.startsWith('tls.') && this.tls !== undefined) {
      this.tls.configure(path.slice('tls.'.length), value)
      return
    }
    configureLiveServer(this.options, path, value)
    if (this.options.drain) this.listener?.close()
    this.hub?.changed.wake()
  }

  /** Accepts until it is drained. */
  private *serve(context: AppContext, hub: LiveHub, site: LiveSite, admission: Admission): Blocking<void> {
    const { options, tls } = this
    if (options.drain) return
    const listener = context.sockets.listen(tls?.port ?? options.port, { backlog: options.backlog })
    this.listener = listener
    for (;;) {
      const first = yield* this.accept(listener)
      if (first === undefined) return
      const sockets = [first]
      while (sockets.length < options.accepts) {
        const socket = listener.acceptNow()
        if (socket === undefined) break
        sockets.push(socket)
      }
      const came = hub.now
      yield* context.processConnection(sockets.length)
      for (const socket of sockets) {
        const obstacle = admission.judge(hub.present, hub.now - came)
        if (obstacle !== undefined) this.refuse(hub, socket, obstacle)
        if (obstacle !== undefined && options.admission.refusal !== '503') continue
        // Who is sent away takes nobody's place. Who comes in has taken it before the next one is looked at.
        if (obstacle === undefined) hub.present++
        context.spawn(this.attend(context, hub, site, socket, obstacle !== undefined))
      }
    }
  }

  /** @returns undefined: it is being drained */
  private *accept(listener: TcpListener): Blocking<TcpSocket | undefined> {
    try {
      return yield* listener.accept()
    } catch (error) {
      if (error instanceof SocketError && this.options.drain) return undefined
      throw error
    }
  }

  private refuse(hub: LiveHub, socket: TcpSocket, why: Obstacle): void {
    const { refusal } = this.options.admission
    hub.record('live:connection-refused', socket.connection, { why, by: refusal, connections: hub.present })
    if (refusal === 'reset') socket.reset()
  }

  /** @param isRefused whether the client is only told to come again later */
  private *attend(context: AppContext, hub: LiveHub, site: LiveSite, socket: TcpSocket, isRefused: boolean): Blocking<void> {
    try {
      const { tls } = this
      if (tls === undefined) yield* new LiveConnection(hub, site, socket, false, isRefused).run()
      else yield* this.attendSecurely(context, hub, site, tls, socket, isRefused)
    } finally {
      if (!isRefused) hub.present--
    }
  }

  private *attendSecurely(
    context: AppContext,
    hub: LiveHub,
    site: LiveSite,
    tls: TlsService,
    socket: TcpSocket,
    isRefused: boolean,
  ): Blocking<void> {
    const protocols = this.options.protocols ?? OVER_TLS
    const alarm = context.environment.schedule(hub.now + HANDSHAKE, () => {
      socket.reset()
    })
    let stream
    try {
      stream = yield* acceptSecurely(context, socket, tls.options(context, isRefused ? ['http/1.1'] : protocols))
    } catch (error) {
      // Why is in the trace already.
      if (error instanceof SocketError) return
      throw error
    } finally {
      alarm.cancel()
    }
    if (stream.alpn === 'h2') yield* this.attendHttp2(context, hub, site, stream)
    else yield* new LiveConnection(hub, site, stream, true, isRefused).run()
  }

  /** Event streams and WebSockets on it are attendees of their own. */
  private *attendHttp2(context: AppContext, hub: LiveHub, site: LiveSite, stream: ByteStream): Blocking<void> {
    const served = new ServedHttp2(context, site, stream, { isSecure: true })
    const attendee: Attendee = {
      number: hub.nextNumber(),
      beat() {
        // HTTP/2 has no sign of life here: TCP notices a peer that has gone when something is sent.
      },
      leave: () => {
        served.shutdown()
        context.environment.schedule(hub.now + 2 * this.options.leaving.linger, () => {
          stream.close()
        })
      },
    }
    hub.attend(attendee)
    try {
      yield* served.run()
    } finally {
      hub.forget(attendee)
    }
  }

  private *publishNews(context: AppContext, hub: LiveHub): Blocking<void> {
    const { news } = this.options
    yield* context.sleep(news.start)
    for (;;) {
      if (news.interval === 0) {
        yield hub.changed
        continue
      }
      const last = hub.now
      const room = hub.room(news.room)
      const id = room && (yield* hub.announce(room, WORDS.repeat(Math.ceil(news.size / WORDS.length)).slice(0, news.size)))
      if (room !== undefined && id !== undefined) hub.record('news:published', '', { id, room: room.name, members: room.size })
      // The interval may change meanwhile.
      while (news.interval > 0 && hub.now < last + news.interval)
        yield new TimedWait(hub.changed, context.environment, last + news.interval)
    }
  }

  /** Asks in each period everybody once whether he is still there, a part of them at a time. */
  private *beat(context: AppContext, hub: LiveHub): Blocking<void> {
    for (let slice = 0; ; slice = (slice + 1) % SLICES) {
      while (this.options.heartbeat === 0 || hub.attendees.size === 0) yield hub.changed
      yield* context.sleep(this.options.heartbeat / SLICES)
      for (const attendee of [...hub.attendees]) if (attendee.number % SLICES === slice) attendee.beat()
    }
  }

  /** Tells everybody to go, one after the other, and waits until they have. */
  private *drain(context: AppContext, hub: LiveHub): Blocking<void> {
    const { options } = this
    const leaving = [...hub.attendees]
    hub.isDraining = true
    hub.record('live:drain-started', '', { connections: leaving.length })
    for (const room of hub.rooms.values()) room.news.wake()
    const began = hub.now
    for (const [index, attendee] of leaving.entries()) {
      const at = began + (options.leaving.window * index) / leaving.length
      if (at > hub.now) yield* context.sleep(at - hub.now)
      if (!options.drain) return
      if (hub.attendees.has(attendee)) hub.dismiss(attendee)
    }
    while (hub.attendees.size > 0 && options.drain) yield new TimedWait(hub.changed, context.environment, hub.now + SECOND)
    if (options.drain) hub.record('live:drained', '', { took: hub.now - began })
  }
}
