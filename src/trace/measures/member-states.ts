import type { EventRecord } from '../record.ts'
import { memberOf, powerChange } from './host-power.ts'
import { MEMBER_STATES, type MemberState } from './measure-spec.ts'

/** What members of a crowd say of themselves. */
export const STATE_EVENT = 'client:state-changed'

const NUMBERS: ReadonlyMap<unknown, number> = new Map<MemberState, number>(MEMBER_STATES.map((state, index) => [state, index]))
const IDLE = 0
const DOWN = MEMBER_STATES.indexOf('down')

/** Takes note of one change: member by index, states as indices into `MEMBER_STATES`. */
export type NoteChange = (member: number, state: number, before: number) => void

/** In which state each member of a crowd is. */
export class MemberStates {
  /** By member: index into `MEMBER_STATES`. */
  states: Uint8Array
  /** How many members there are. */
  size: number
  /** How many members are in each state, by its index. */
  readonly counts = new Int32Array(MEMBER_STATES.length)

  /**
   * @param host index of the crowd
   * @param size how many members there are; 0: as many as have been heard of
   */
  constructor(
    readonly host: number,
    size = 0,
  ) {
    this.size = size
    this.states = new Uint8Array(Math.max(64, size))
    this.counts[IDLE] = size
  }

  /** What an event changes, if it does. The members that it changes are told to `note`. */
  take(event: EventRecord, hosts: readonly string[], note?: NoteChange): void {
    if (event.name === STATE_EVENT) {
      const state = event.host === this.host ? NUMBERS.get(event.data['state']) : undefined
      // A single client is a crowd of one.
      if (state !== undefined) this.set(Math.max(0, memberOf(event)), state, note)
      return
    }
    const change = powerChange(event, hosts)
    if (change?.host !== this.host) return
    const state = change.isOn ? IDLE : DOWN
    if (change.member >= 0) this.set(change.member, state, note)
    else for (let member = 0; member < this.size; member++) this.set(member, state, note)
  }

  set(member: number, state: number, note?: NoteChange): void {
    if (member >= this.size) this.grow(member + 1)
    const before = this.states[member]
    if (before === state) return
    this.states[member] = state
    this.counts[before]--
    this.counts[state]++
    note?.(member, state, before)
  }

  private grow(size: number): void {
    this.counts[IDLE] += size - this.size
    this.size = size
    if (size <= this.states.length) return
    const wider = new Uint8Array(Math.max(size, this.states.length * 2))
    wider.set(this.states)
    this.states = wider
  }
}
