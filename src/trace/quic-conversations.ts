import type { FrameSource } from './frame-source.ts'
import { CLIENT, SERVER, type Sender } from './http3-conversation.ts'
import { QuicConversation, type QuicDatagramRecord } from './quic-conversation.ts'
import { isFirstInitial } from './quic-servers.ts'
import type { TlsSecrets } from './tls-secrets.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'

/** How many pairs of ends are usually remembered with all that was learnt of them. */
const REMEMBERED = 12
/** How many connections between the same two ends and ports are. */
const GENERATIONS = 4
/** In how many connections of a server one is looked for that has come another way. */
const CANDIDATES = 100

/** A frame as a datagram of a connection. */
export interface QuicSighting {
  readonly conversation: QuicConversation
  readonly record: QuicDatagramRecord
}

/** Two ends that exchange UDP datagrams. */
interface Way {
  readonly connection: number
  /** By side. */
  readonly ends: readonly [string, string]
  /** The end at which a connection was opened; undefined: none was, here. */
  server: string | undefined
  /** Numbers of its frames. */
  readonly frames: number[]
}

/** The connections that were opened on a way, and what else belongs to them. */
interface Group {
  readonly conversations: QuicConversation[]
  /** By frame. */
  readonly sightings: Map<number, QuicSighting>
  /** By way without a beginning: the connection that has moved there. */
  readonly moved: Map<Way, QuicConversation>
  /** The first frame that was not looked at. */
  next: number
}

/** Index of the first number that is at least `least`. */
function from(sorted: readonly number[], least: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < least) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The connections of QUIC in a trace, put together as they are asked for, and kept up as the trace grows. A connection begins with an
 * Initial packet between two ends; where its client moves to another address (RFC 9000 section 9), it is found again by its connection IDs.
 */
export class QuicConversations {
  /** By number of the conversation. */
  private readonly ways = new Map<number, Way>()
  /** By server: ways on which connections were opened, and those which have no beginning, be it the server's or not. */
  private readonly opened = new Map<string, Way[]>()
  private readonly strays = new Map<string, Way[]>()
  /** In the order of their last use. */
  private readonly groups = new Map<Way, Group>()
  private readonly place = new UdpDatagramPlace()
  private next = 1

  constructor(
    private readonly source: FrameSource,
    private readonly secrets: TlsSecrets,
    private readonly remembered = REMEMBERED,
  ) {}

  /** What is known of a frame; undefined when it is no datagram of a connection whose beginning is known. */
  find(frame: number): QuicSighting | undefined {
    this.index()
    const way = this.ways.get(this.source.connectionOf(frame))
    if (way === undefined) return undefined
    if (way.server !== undefined) return this.upToDate(way).sightings.get(frame)
    for (const end of way.ends) {
      const candidates = (this.opened.get(end) ?? []).filter(({ frames }) => frames[0] < frame)
      for (const candidate of candidates.slice(-CANDIDATES).reverse()) {
        const sighting = this.upToDate(candidate).sightings.get(frame)
        if (sighting !== undefined) return sighting
      }
    }
    return undefined
  }

  /** Notes which frames there are between which ends, without looking into what is protected. */
  private index(): void {
    const { source, place } = this
    for (this.next = Math.max(this.next, source.firstKept); this.next <= source.frameCount; this.next++) {
      const connection = source.connectionOf(this.next)
      const frame = connection === 0 ? undefined : source.bytesAsSent(this.next)
      if (frame === undefined || !place.find(frame)) continue
      const way = this.ways.get(connection) ?? this.newWay(connection, frame)
      way.frames.push(this.next)
      if (way.server !== undefined) continue
      if (!isFirstInitial(frame.subarray(place.payloadStart, place.payloadEnd))) continue
      way.server = way.ends[1 - place.side]
      this.strays.forEach((ways) => {
        if (ways.includes(way)) ways.splice(ways.indexOf(way), 1)
      })
      append(this.opened, way.server, way)
    }
  }

  private newWay(connection: number, frame: Uint8Array): Way {
    const { place } = this
    const [source, destination] = [place.endOf(frame, 'source'), place.endOf(frame, 'destination')]
    const ends = place.side === 0 ? ([source, destination] as const) : ([destination, source] as const)
    const way: Way = { connection, ends, server: undefined, frames: [] }
    this.ways.set(connection, way)
    for (const end of ends) append(this.strays, end, way)
    return way
  }

  private upToDate(way: Way): Group {
    const { groups, source } = this
    const group = groups.get(way) ?? { conversations: [], sightings: new Map(), moved: new Map(), next: 1 }
    groups.delete(way)
    groups.set(way, group)
    if (groups.size > this.remembered) {
      for (const oldest of groups.keys()) {
        groups.delete(oldest)
        break
      }
    }
    if (group.next > source.frameCount) return group
    this.secrets.update(source.keyLog)
    const ways = [way, ...(this.strays.get(way.server ?? '') ?? [])]
    const frames = ways.flatMap((each) => each.frames.slice(from(each.frames, group.next)).map((frame) => ({ frame, each })))
    frames.sort((a, b) => a.frame - b.frame)
    for (const { frame, each } of frames) this.take(frame, each, way, group)
    group.next = source.frameCount + 1
    return group
  }

  private take(number: number, way: Way, home: Way, group: Group): void {
    const { source, place } = this
    const frame = source.bytesAsSent(number)
    if (frame === undefined || !place.find(frame)) return
    const payload = frame.subarray(place.payloadStart, place.payloadEnd)
    if (payload.length === 0) return
    const sender = way.ends[place.side] === home.server ? SERVER : CLIENT
    const conversation =
      way === home ? this.conversationAtHome(number, payload, sender, group) : conversationAway(payload, sender, way, group)
    if (conversation === undefined) return
    group.sightings.set(number, { conversation, record: conversation.add(payload, sender) })
  }

  private conversationAtHome(number: number, payload: Uint8Array, sender: Sender, group: Group): QuicConversation | undefined {
    const { conversations } = group
    for (let i = conversations.length - 1; i >= 0; i--)
      if (conversations[i].owns(payload, 0, payload.length, sender)) return conversations[i]
    if (sender === SERVER || !isFirstInitial(payload)) return conversations.at(-1)
    const made = new QuicConversation(number, payload.subarray(6, 6 + payload[5]), this.secrets)
    conversations.push(made)
    if (conversations.length > GENERATIONS) conversations.shift()
    return made
  }
}

/** The connection that has moved to a way on which none was opened; a client shows it by an ID that the server has given it. */
function conversationAway(
  payload: Uint8Array,
  sender: Sender,
  way: Way,
  { conversations, moved }: Group,
): QuicConversation | undefined {
  const known = moved.get(way)
  if (sender === SERVER) return known
  if (known?.owns(payload, 0, payload.length, sender) === true) return known
  const owner = conversations.findLast((each) => each.owns(payload, 0, payload.length, sender))
  if (owner !== undefined) moved.set(way, owner)
  return owner ?? known
}

function append(map: Map<string, Way[]>, key: string, way: Way): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [way])
  else list.push(way)
}
