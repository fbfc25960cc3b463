import type { EventRecord, Nanos } from '../record.ts'
import { Buckets } from './buckets.ts'
import { CountGatherer } from './count-gatherer.ts'
import { writeUnknown, type Gatherer } from './gatherer.ts'
import { POWER_EVENTS, powerChange } from './host-power.ts'
import { MEMBER_STATES } from './measure-spec.ts'
import type { EventCondition, EventsMeasure, MembersMeasure, PercentileMeasure, ValueMeasure } from './measure-spec.ts'
import { MemberStates, STATE_EVENT } from './member-states.ts'

function meets({ data }: EventRecord, where: EventCondition | undefined): boolean {
  for (const key in where) if (data[key] !== where[key]) return false
  return true
}

/** Counts events. */
export class EventGatherer extends CountGatherer implements Gatherer {
  override readonly events: readonly string[]

  constructor(
    private readonly spec: EventsMeasure,
    width: Nanos,
  ) {
    super(width, spec.as ?? 'rate')
    this.events = [spec.event]
  }

  override take(event: EventRecord, hosts: readonly string[]): void {
    const { host, where } = this.spec
    if ((host === undefined || hosts[event.host] === host) && meets(event, where)) this.add(event.time, 1)
  }
}

/** Follows a number that events tell. */
export class ValueGatherer implements Gatherer {
  readonly events: readonly string[]
  private readonly values: Buckets
  /** What stands since the last event; NaN: nothing does. */
  private standing = Number.NaN
  /** Of the bucket at hand: which it is, how many values it has had. */
  private bucket = -1
  private seen = 0
  private unknownUntil: Nanos = 0

  constructor(
    private readonly spec: ValueMeasure,
    width: Nanos,
  ) {
    this.values = new Buckets(width, Number.NaN)
    this.events = [spec.event, ...POWER_EVENTS.filter((name) => name !== spec.event)]
  }

  take(event: EventRecord, hosts: readonly string[]): void {
    const { spec } = this
    if (event.name === spec.event) {
      const value = event.data[spec.field]
      if (hosts[event.host] === spec.host && typeof value === 'number' && meets(event, spec.where)) this.tell(event.time, value)
      return
    }
    const change = powerChange(event, hosts)
    if (change === undefined || change.isOn || change.member >= 0 || hosts[change.host] !== spec.host) return
    this.stand(Math.floor(event.time / this.values.width))
    this.standing = Number.NaN
  }

  forget(before: Nanos): void {
    this.unknownUntil = before
    this.standing = Number.NaN
  }

  write(into: Float64Array, count: number): void {
    const { values } = this
    if (count > 0) this.stand(count - 1)
    into.set(values.values.subarray(0, count))
    writeUnknown(into, count, values.width, this.unknownUntil)
  }

  private tell(time: Nanos, value: number): void {
    const { values, spec } = this
    const index = Math.floor(time / values.width)
    this.stand(index)
    const before = values.values[index]
    // What stood over from before is no value of this bucket, once there is one.
    values.values[index] = this.seen === 0 ? value : this.join(before, value, spec.take ?? 'last')
    this.seen++
    this.standing = spec.take === 'sum' ? 0 : value
  }

  private join(before: number, value: number, take: NonNullable<ValueMeasure['take']>): number {
    switch (take) {
      case 'last':
        return value
      case 'max':
        return Math.max(before, value)
      case 'min':
        return Math.min(before, value)
      case 'mean':
        return before + (value - before) / (this.seen + 1)
      case 'sum':
        return before + value
    }
  }

  /** Fills in what stands up to a bucket and in it. */
  private stand(index: number): void {
    const { values } = this
    if (index <= this.bucket) return
    values.reach(index + 1)
    values.values.fill(this.standing, this.bucket + 1, index + 1)
    this.bucket = index
    this.seen = 0
  }
}

/** Ranks the numbers that events tell, bucket by bucket. */
export class PercentileGatherer implements Gatherer {
  readonly events: readonly string[]
  private readonly values: Buckets
  /** Numbers of the bucket at hand, and which it is. */
  private readonly numbers: number[] = []
  private bucket = 0
  private unknownUntil: Nanos = 0

  constructor(
    private readonly spec: PercentileMeasure,
    width: Nanos,
  ) {
    this.values = new Buckets(width, Number.NaN)
    this.events = [spec.event]
  }

  take(event: EventRecord, hosts: readonly string[]): void {
    const { host, where, field } = this.spec
    const value = event.data[field]
    if (typeof value !== 'number' || (host !== undefined && hosts[event.host] !== host) || !meets(event, where)) return
    const index = this.values.at(event.time)
    if (index !== this.bucket) this.settle()
    this.bucket = index
    this.numbers.push(value)
  }

  forget(before: Nanos): void {
    this.unknownUntil = before
    this.numbers.length = 0
  }

  write(into: Float64Array, count: number, horizon: Nanos): void {
    const { values } = this
    if ((this.bucket + 1) * values.width <= horizon) this.settle()
    values.reach(count)
    into.set(values.values.subarray(0, count))
    writeUnknown(into, count, values.width, this.unknownUntil)
  }

  private settle(): void {
    const { numbers, bucket, values } = this
    if (numbers.length === 0) return
    values.values[bucket] = percentileOf(numbers, this.spec.percentile)
    numbers.length = 0
  }
}

/** By nearest rank. The numbers are sorted. */
function percentileOf(numbers: number[], percentile: number): number {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)]
}

/** Counts the members of a crowd that are in a state. */
export class MembersGatherer implements Gatherer {
  readonly events: readonly string[] = [STATE_EVENT, ...POWER_EVENTS]
  private readonly values: Buckets
  private readonly state: number
  private members: MemberStates | undefined
  private bucket = -1
  private unknownUntil: Nanos = 0

  constructor(
    private readonly spec: MembersMeasure,
    width: Nanos,
    private readonly hosts: readonly string[],
  ) {
    this.values = new Buckets(width, Number.NaN)
    this.state = MEMBER_STATES.indexOf(spec.state)
  }

  take(event: EventRecord, hosts: readonly string[]): void {
    this.stand(Math.floor(event.time / this.values.width))
    this.crowd().take(event, hosts)
    this.values.values[this.bucket] = this.crowd().counts[this.state]
  }

  forget(before: Nanos): void {
    this.unknownUntil = before
  }

  write(into: Float64Array, count: number): void {
    if (count > 0) this.stand(count - 1)
    into.set(this.values.values.subarray(0, count))
    writeUnknown(into, count, this.values.width, this.unknownUntil)
  }

  private crowd(): MemberStates {
    return (this.members ??= new MemberStates(this.hosts.indexOf(this.spec.host), this.spec.members))
  }

  private stand(index: number): void {
    const { values } = this
    if (index <= this.bucket) return
    values.reach(index + 1)
    values.values.fill(this.crowd().counts[this.state], this.bucket + 1, index + 1)
    this.bucket = index
  }
}
