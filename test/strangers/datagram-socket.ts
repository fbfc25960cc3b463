import { createSocket, type Socket } from 'node:dgram'
import { randomStream } from '../../src/kernel/random.ts'
import type { Endpoint, Nanos } from '../../src/protocols/endpoint.ts'
import type { QuicDatagram, SocketAddress } from '../../src/protocols/quic/datagram.ts'
import { formatIpv4, parseIpv4 } from '../../src/wire/address.ts'

/*
 * A QUIC endpoint upon real UDP sockets of this machine. What Node does not tell (ECN, the address that a datagram came to) is taken as unmarked,
 * and as the address that the socket is bound to.
 */

/** The machine's clock, from an origin of its own. */
function realNow(): Nanos {
  return Number(process.hrtime.bigint() / 1000n) * 1000
}

/** An open UDP socket on the loopback interface. */
export interface Plug {
  readonly socket: Socket
  readonly local: SocketAddress & { readonly address: number }
}

export async function openPlug(): Promise<Plug> {
  const socket = createSocket('udp4')
  await new Promise<void>((done) => {
    socket.bind(0, '127.0.0.1', done)
  })
  const { address, port } = socket.address()
  return { socket, local: { address: parseIpv4(address) ?? 0, port } }
}

/** Joins an endpoint to sockets: what they receive is handled, what it transmits is sent from the one it names, deadlines are kept. */
export class DatagramPump<Event> {
  private readonly plugs = new Map<number, Plug>()
  private readonly chance = randomStream(1, 'datagram pump')
  private timer: NodeJS.Timeout | undefined
  private isFlushing = false
  private isStopped = false

  /**
   * @param loss share of datagrams, in both directions, that get lost here
   * @param isMeddledWith whether somebody on the way sends along with each datagram what is nearly like it, and sends some twice
   */
  constructor(
    private readonly endpoint: Endpoint<QuicDatagram, Event>,
    private readonly onEvent: (event: Event) => void,
    private readonly loss = 0,
    private readonly isMeddledWith = false,
  ) {}

  join(plug: Plug): void {
    this.plugs.set(plug.local.port, plug)
    plug.socket.on('message', (bytes, { address, port }) => {
      if (this.isStopped || this.isLost()) return
      const remote = { address: parseIpv4(address) ?? 0, port }
      const take = (piece: Uint8Array): void => {
        this.endpoint.handle({ local: plug.local, remote, ecn: 0, bytes: new Uint8Array(piece) }, realNow())
      }
      if (this.isMeddledWith) for (const other of this.meddled(bytes)) take(other)
      take(bytes)
      if (this.isMeddledWith) take(bytes)
      this.flush()
    })
  }

  /** With a bit that is another; cut short; and noise. */
  private meddled(bytes: Uint8Array): Uint8Array[] {
    const below = (limit: number): number => Math.floor(this.chance.next() * limit)
    const flipped = Uint8Array.from(bytes)
    flipped[below(flipped.length)] ^= 1 << below(8)
    const random = Uint8Array.from(bytes, () => below(256))
    return [flipped, bytes.subarray(0, below(bytes.length)), random]
  }

  private isLost(): boolean {
    return this.loss > 0 && this.chance.next() < this.loss
  }

  /** Sends and tells what there is: to be called after a command that was not given from within `onEvent`. */
  flush(): void {
    if (this.isFlushing || this.isStopped) return
    this.isFlushing = true
    try {
      while (this.drain());
    } finally {
      this.isFlushing = false
    }
    clearTimeout(this.timer)
    const deadline = this.endpoint.pollTimeout()
    if (deadline === undefined || this.isStopped) return
    const wait = Math.max(0, (deadline - realNow()) / 1e6)
    this.timer = setTimeout(() => {
      this.endpoint.handleTimeout(realNow())
      this.flush()
    }, wait)
  }

  private drain(): boolean {
    const { endpoint } = this
    let isAny = false
    for (let unit = endpoint.pollTransmit(realNow()); unit !== undefined; unit = endpoint.pollTransmit(realNow())) {
      isAny = true
      const { local, remote, bytes } = unit
      if (this.isLost()) continue
      const address = typeof remote.address === 'number' ? formatIpv4(remote.address) : ''
      this.plugs.get(local.port)?.socket.send(Uint8Array.from(bytes), remote.port, address)
    }
    for (let event = endpoint.pollEvent(); event !== undefined; event = endpoint.pollEvent()) {
      isAny = true
      this.onEvent(event)
    }
    return isAny
  }

  /** Nothing more is sent or heard. */
  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
    for (const { socket } of this.plugs.values()) socket.close()
    this.plugs.clear()
  }
}
