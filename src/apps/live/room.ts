import type { AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { begin } from './begun.ts'
import type { MessageId } from './messages.ts'
import type { Told } from './told.ts'

/** How many keys of messages are remembered at least, to tell which come twice. */
const KEYS = 1000
/** To how many members a message goes without anything else getting its turn at the processor. */
const BATCH = 64

/** Somebody who hears what is said in a room. */
export interface Member {
  /** Must not fail; what was delivered already is left out. */
  deliver(told: Told): void
}

/** A room: what was said last, and who listens. Ids grow in the order in which things are told. */
export class Room {
  /** The last that were said, oldest first. */
  private readonly history: Told[] = []
  /** Ids by key. */
  private readonly keys = new Map<string, MessageId>()
  private readonly members = new Set<Member>()
  private lastId: MessageId = 0
  private readonly untold: Told[] = []
  private isTelling = false
  /** Woken when something is said. */
  readonly news = new WaitQueue()
  /** Whether what was said before is known here. */
  isReady = true

  constructor(
    private readonly context: AppContext,
    readonly name: string,
  ) {}

  get last(): MessageId {
    return this.lastId
  }

  get size(): number {
    return this.members.size
  }

  /** An id for what is said now: microseconds of the host's clock, so that a server that was restarted goes on behind what it had said. */
  nextId(): MessageId {
    return Math.max(this.lastId + 1, Math.floor(this.context.environment.now / 1000))
  }

  /** What a client has said already under a key; undefined: nothing. */
  known(key: string): MessageId | undefined {
    return this.keys.get(key)
  }

  enter(member: Member): void {
    this.members.add(member)
  }

  leave(member: Member): void {
    this.members.delete(member)
  }

  /** What was said after a message, oldest first, as far as it is still known. */
  since(id: MessageId): readonly Told[] {
    const { history } = this
    let first = history.length
    while (first > 0 && history[first - 1].id > id) first--
    return first === 0 ? history.slice() : history.slice(first)
  }

  /**
   * Takes up a message and tells it to all members, in the order of ids.
   * @param key '' for what comes from no client
   * @param keep how many are kept
   */
  add(told: Told, key: string, keep: number): void {
    if (told.id <= this.lastId) return
    this.lastId = told.id
    if (key !== '') {
      if (this.keys.has(key)) return
      this.keys.set(key, told.id)
      if (this.keys.size > KEYS + keep) for (const oldest of this.keys.keys()) if (this.keys.delete(oldest)) break
    }
    this.history.push(told)
    if (this.history.length > keep) this.history.splice(0, this.history.length - keep)
    this.news.wake()
    this.untold.push(told)
    if (this.isTelling) return
    this.isTelling = true
    begin(this.context, this.tell())
  }

  /** One message after the other, a batch of members at a time. */
  private *tell(): Blocking<void> {
    for (let told = this.untold.shift(); told !== undefined; told = this.untold.shift()) {
      // Who comes in from now on has it from the history.
      const members = [...this.members]
      for (let at = 0; at < members.length; at += BATCH) {
        const end = Math.min(members.length, at + BATCH)
        yield* this.context.processMessage(end - at)
        for (let i = at; i < end; i++) if (this.members.has(members[i])) members[i].deliver(told)
      }
    }
    this.isTelling = false
  }
}
