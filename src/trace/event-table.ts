import type { EventData, Id } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { EventRecord } from './record.ts'

const FIRST_CAPACITY = 256

/** Arrays that grew larger than this are given up when they have been read. */
const LARGEST_KEPT = 1024

/** Numbers of an event: time, id, cause, host, member. */
const WIDTH = 5

/**
 * Events in their order. A run writes many more of them than anybody reads, so what is written stands in columns, and becomes records
 * when somebody asks for them; they are the same objects from then on.
 */
export class EventTable {
  /** The older ones, as they were asked for. */
  private made: EventRecord[] = []
  // The newer ones, in columns; how many. Arrays of words are filled again rather than emptied, which would give up their memory.
  private waiting = 0
  private numbers = new Float64Array(WIDTH * FIRST_CAPACITY)
  private names: string[] = []
  private connections: string[] = []
  private data: EventData[] = []

  /** How many events are kept. */
  get count(): number {
    return this.made.length + this.waiting
  }

  append(time: Nanos, id: Id, host: number, name: string, connection: string, data: EventData, cause: Id, member: number): void {
    const at = this.waiting * WIDTH
    if (at === this.numbers.length) this.grow()
    const { numbers } = this
    numbers[at] = time
    numbers[at + 1] = id
    numbers[at + 2] = cause
    numbers[at + 3] = host
    numbers[at + 4] = member
    const index = this.waiting++
    this.names[index] = name
    this.connections[index] = connection
    this.data[index] = data
  }

  /** Takes in a record that was made elsewhere. */
  adopt(record: EventRecord): void {
    this.make()
    this.made.push(record)
  }

  /** All of them. The array grows when it is asked for again; it must not be written to. */
  get records(): readonly EventRecord[] {
    this.make()
    return this.made
  }

  /** Data of those with this name among the `count` oldest. */
  oldest(count: number, name: string): EventData[] {
    const found: EventData[] = []
    const early = Math.min(count, this.made.length)
    for (let i = 0; i < early; i++) if (this.made[i].name === name) found.push(this.made[i].data)
    for (let i = 0; i < count - early; i++) if (this.names[i] === name) found.push(this.data[i])
    return found
  }

  /** Lets the oldest go. */
  drop(gone: number): void {
    const early = Math.min(gone, this.made.length)
    const late = gone - early
    this.made = this.made.slice(early)
    this.numbers.copyWithin(0, late * WIDTH, this.waiting * WIDTH)
    this.names = this.names.slice(late, this.waiting)
    this.connections = this.connections.slice(late, this.waiting)
    this.data = this.data.slice(late, this.waiting)
    this.waiting -= late
  }

  private make(): void {
    const { made, numbers, waiting } = this
    for (let i = 0; i < waiting; i++) {
      const at = i * WIDTH
      made.push({
        id: numbers[at + 1],
        time: numbers[at],
        host: numbers[at + 3],
        member: numbers[at + 4],
        name: this.names[i],
        connection: this.connections[i],
        data: this.data[i],
        cause: numbers[at + 2],
      })
    }
    this.waiting = 0
    if (this.names.length <= LARGEST_KEPT) return
    this.names = []
    this.connections = []
    this.data = []
  }

  private grow(): void {
    const numbers = new Float64Array(this.numbers.length * 2)
    numbers.set(this.numbers)
    this.numbers = numbers
  }
}
