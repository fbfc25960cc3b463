import { memberName, readMemberName } from '../scenario/member-name.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'
import { ImpossibleAction } from './impossible-action.ts'
import type { HostState } from './run.ts'

type Power = HostState['power']
type PowerOrder = 'kill' | 'restart' | 'pause' | 'resume'

const AFTER: Readonly<Record<PowerOrder, Power>> = { kill: 'off', restart: 'on', pause: 'paused', resume: 'on' }

/** A host, or one member of a crowd, by indices. */
export interface HostPlace {
  readonly host: number
  readonly member?: number
}

/** What is known of one host. */
class Standing {
  power: Power = 'on'
  /** Of a crowd: members that are not on while the crowd is. */
  readonly members = new Map<number, Exclude<Power, 'on'>>()
  /** Members that are watched; -1: the whole host. */
  readonly watched = new Set<number>()

  powerOf(member: number | undefined): Power {
    return member === undefined ? this.power : (this.members.get(member) ?? 'on')
  }

  setPower(member: number | undefined, power: Power): void {
    if (member === undefined) {
      if (power === 'off') this.members.clear()
      this.power = power
    } else if (power === 'on') this.members.delete(member)
    else this.members.set(member, power)
  }
}

/** Which hosts are on, and who is watched. */
export class HostStates {
  private readonly standings: readonly Standing[]

  constructor(private readonly hosts: readonly ResolvedHost[]) {
    this.standings = hosts.map(() => new Standing())
  }

  /** @throws ImpossibleAction when there is no such host, or no such member */
  find(name: string): HostPlace {
    const named = readMemberName(name)
    const host = this.hosts.findIndex((each) => each.name === named.host)
    if (host < 0) throw new ImpossibleAction(`There is no host ${named.host}.`)
    if (named.member === undefined) return { host }
    this.checkMember(this.hosts[host], named.member)
    return { host, member: named.member }
  }

  private checkMember({ name, replicas }: ResolvedHost, member: number): void {
    if (replicas === undefined) throw new ImpossibleAction(`${name} is no crowd.`)
    if (member >= replicas)
      throw new ImpossibleAction(
        `${name} has ${String(replicas)} members; the last is ${memberName({ host: name, member: replicas - 1 })}.`,
      )
  }

  /** @param member index; absent: the whole host */
  powerOf(host: number, member?: number): Power {
    return this.standings[host].powerOf(member)
  }

  /** A host, or a member, was told something about its power. @throws ImpossibleAction, and then nothing has changed */
  order(kind: PowerOrder, name: string): HostPlace {
    const place = this.find(name)
    const { host, member } = place
    this.needWhole(place)
    const is = this.powerOf(host, member)
    if (kind === 'pause' && is !== 'on') throw new ImpossibleAction(`${name} is not running, so it cannot be paused.`)
    if (kind === 'resume' && is !== 'paused') throw new ImpossibleAction(`${name} is not paused, so it cannot be resumed.`)
    if (kind === 'kill' && is === 'off') throw new ImpossibleAction(`${name} is off already.`)
    this.restartedAll(kind, place)
    this.standings[host].setPower(member, AFTER[kind])
    return place
  }

  /** A restart of all gives everybody a new start, those who were paused or off too. */
  private restartedAll(kind: PowerOrder, { host, member }: HostPlace): void {
    if (kind === 'restart' && member === undefined) this.standings[host].members.clear()
  }

  /** One of a crowd can be told something only while the crowd is on. */
  needWhole({ host, member }: HostPlace): void {
    if (member === undefined) return
    const { power } = this.standings[host]
    if (power !== 'on') throw new ImpossibleAction(`${this.hosts[host].name} is ${power} as a whole, with all its members.`)
  }

  /** A machine broke down, or came back, by itself. */
  changedItself(host: number, member: number | undefined, isOn: boolean): void {
    this.standings[host].setPower(member, isOn ? 'on' : 'off')
  }

  watch(name: string, on: boolean): HostPlace {
    const place = this.find(name)
    this.needWhole(place)
    const { watched } = this.standings[place.host]
    if (on) watched.add(place.member ?? -1)
    else watched.delete(place.member ?? -1)
    return place
  }

  snapshot(): HostState[] {
    return this.standings.map(({ power, members, watched }) => ({
      power,
      ...(members.size > 0 && { members: Object.fromEntries(members) }),
      ...(watched.size > 0 && { watched: [...watched] }),
    }))
  }
}
