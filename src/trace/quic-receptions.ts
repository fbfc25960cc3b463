import { QuicLanes } from './lanes-quic.ts'
import { QuicCarriage } from './quic-carriage.ts'
import type { EventRecord } from './record.ts'

/** All ends of connections of QUIC in a trace, as they receive. */
export class QuicReceptions {
  /** In the order in which they began. */
  readonly groups: QuicLanes[] = []
  /** Grows whenever anything of them may have changed. */
  version = 0
  /** By host and connection, the newest. */
  private readonly newest = new Map<string, QuicLanes>()
  private readonly carriage = new QuicCarriage()

  clear(): void {
    this.groups.length = 0
    this.newest.clear()
    this.carriage.clear()
    this.version++
  }

  /** The newest at a host by its connection's name. */
  find(host: number, connection: string): QuicLanes | undefined {
    return this.newest.get(keyOf(host, connection))
  }

  /** Takes in an event, of any name; they come in order. */
  take(event: EventRecord): void {
    const { name, time, data } = event
    switch (name) {
      case 'quic:connection-started':
        this.open(event).isClient = data['role'] === 'client'
        break
      case 'quic:stream-received':
        this.known(event).takeReceived(time, data, event.cause)
        break
      case 'quic:stream-delivered':
        this.known(event).takeDelivered(time, data)
        break
      case 'qpack:blocked':
      case 'qpack:unblocked':
        this.known(event).takeQpack(time, Number(data['stream']), name === 'qpack:blocked')
        break
      default:
        return
    }
    this.version++
  }

  private open({ time, host, connection }: EventRecord): QuicLanes {
    const key = keyOf(host, connection)
    const group = new QuicLanes(`${key} quic ${String(this.groups.length)}`, host, connection, time, this.carriage)
    this.newest.set(key, group)
    this.groups.push(group)
    return group
  }

  private known(event: EventRecord): QuicLanes {
    return this.find(event.host, event.connection) ?? this.open(event)
  }
}

function keyOf(host: number, connection: string): string {
  return `${String(host)} ${connection}`
}
