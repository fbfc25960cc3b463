import type { Nanos } from '../../kernel/time.ts'
import { asciiBytes, quoted, textOf } from './message-text.ts'

/*
 * What servers and clients of live applications say to each other, whatever carries it: a text of JSON (RFC 8259) for each message, in
 * WebSocket's text messages, in the data of server-sent events, in the list that a poll is answered with, and in the body of a POST.
 *
 * What has come is decoded with tolerance, as on the web: members that nobody knows are left alone, and what is missing has a usual value where there is
 * one. What cannot be understood is a value that says why, never an exception.
 */

/** Most bytes of a message that are looked at. */
export const LONGEST_MESSAGE = 65_536

/** Ids of messages are whole numbers above 0 that grow within a room; 0 is before the first. */
export type MessageId = number

/** A client comes into a room, or comes back: what has been said since `last` is told to it. */
export interface Hello {
  readonly type: 'hello'
  readonly room: string
  /** The last message that the client has of this room; 0: none. */
  readonly last: MessageId
  /** The token of an earlier `welcome`, to go on with that session; '': none. */
  readonly session: string
}

/** A client says something in a room. */
export interface Say {
  readonly type: 'say'
  readonly room: string
  /** By which the client knows the message, and by which one that comes twice is told once. */
  readonly key: string
  readonly text: string
  /** When, by the client's clock. */
  readonly sentAt: Nanos
}

/** Asks whether the other is there. */
export interface Ping {
  readonly type: 'ping'
}

export interface Pong {
  readonly type: 'pong'
}

/** A client is in a room now. What it has missed follows. */
export interface Welcome {
  readonly type: 'welcome'
  /** A token to come back with. */
  readonly session: string
  /** Whether an earlier session goes on. */
  readonly resumed: boolean
}

/** Somebody has said something in the room. */
export interface Said {
  readonly type: 'said'
  readonly room: string
  readonly id: MessageId
  readonly from: string
  readonly text: string
  /** When the sender said so, by its own clock. */
  readonly sentAt: Nanos
}

/** A piece of news was published in the room. */
export interface News {
  readonly type: 'news'
  readonly room: string
  readonly id: MessageId
  readonly text: string
  /** When it was published, by the server's clock. */
  readonly sentAt: Nanos
}

/** What a client said is in the room, and where there is a bus, on its disk. */
export interface Ack {
  readonly type: 'ack'
  readonly key: string
  readonly id: MessageId
}

/** What a client said is not taken. */
export interface Refused {
  readonly type: 'refused'
  readonly key: string
  readonly why: string
  /** Whether it may be said again later: nothing is wrong with it. */
  readonly again?: boolean
}

/** The server is about to end the connection. */
export interface GoAway {
  readonly type: 'go-away'
  /** How long the client should wait before it comes back, in milliseconds. */
  readonly after: number
}

export type ClientMessage = Hello | Say | Ping | Pong
export type ServerMessage = Welcome | Said | News | Ack | Refused | GoAway | Ping | Pong

/** What could not be understood. */
export interface Malformed {
  readonly type: 'malformed'
  readonly why: string
}

/** A message in JSON, in ASCII: a byte for each character. */
export function messageText(message: ClientMessage | ServerMessage): string {
  switch (message.type) {
    case 'hello': {
      const last = message.last > 0 ? `,"last":${String(message.last)}` : ''
      const session = message.session === '' ? '' : `,"session":${quoted(message.session)}`
      return `{"type":"hello","room":${quoted(message.room)}${last}${session}}`
    }
    case 'say': {
      const { room, key, text, sentAt } = message
      return `{"type":"say","room":${quoted(room)},"key":${quoted(key)},"text":${quoted(text)},"sentAt":${String(sentAt)}}`
    }
    case 'ping':
    case 'pong':
      return `{"type":"${message.type}"}`
    case 'welcome':
      return `{"type":"welcome","session":${quoted(message.session)},"resumed":${String(message.resumed)}}`
    case 'said': {
      const { room, id, from, text, sentAt } = message
      const who = `"room":${quoted(room)},"id":${String(id)},"from":${quoted(from)}`
      return `{"type":"said",${who},"text":${quoted(text)},"sentAt":${String(sentAt)}}`
    }
    case 'news': {
      const { room, id, text, sentAt } = message
      return `{"type":"news","room":${quoted(room)},"id":${String(id)},"text":${quoted(text)},"sentAt":${String(sentAt)}}`
    }
    case 'ack':
      return `{"type":"ack","key":${quoted(message.key)},"id":${String(message.id)}}`
    case 'refused':
      return `{"type":"refused","key":${quoted(message.key)},"why":${quoted(message.why)}${message.again === true ? ',"again":true' : ''}}`
    case 'go-away':
      return `{"type":"go-away","after":${String(message.after)}}`
  }
}

/** The same in bytes. */
export function encodeMessage(message: ClientMessage | ServerMessage): Uint8Array {
  return asciiBytes(messageText(message))
}

type Members = Readonly<Record<string, unknown>>

/** Never throws. */
function membersOf(bytes: Uint8Array): Members | string {
  if (bytes.length > LONGEST_MESSAGE) return `longer than ${String(LONGEST_MESSAGE)} bytes`
  const text = textOf(bytes)
  if (text === undefined) return 'not UTF-8'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return 'not JSON'
  }
  return isMembers(value) ? value : 'not an object'
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(why: string): Malformed {
  return { type: 'malformed', why }
}

function textMember(members: Members, name: string, most: number): string | undefined {
  const value = Object.hasOwn(members, name) ? members[name] : undefined
  return typeof value === 'string' && value.length <= most ? value : undefined
}

/** @returns 0 for what is missing or no such number */
function countMember(members: Members, name: string): number {
  const value = Object.hasOwn(members, name) ? members[name] : undefined
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

/** Most characters of names: of rooms, keys, sessions, senders. */
const LONGEST_NAME = 200

/** What a client said. Never throws. */
export function decodeClientMessage(bytes: Uint8Array): ClientMessage | Malformed {
  const members = membersOf(bytes)
  if (typeof members === 'string') return malformed(members)
  const type = textMember(members, 'type', LONGEST_NAME)
  switch (type) {
    case 'ping':
    case 'pong':
      return { type }
    case 'hello': {
      const room = textMember(members, 'room', LONGEST_NAME)
      if (room === undefined) return malformed('hello without a room')
      return { type, room, last: countMember(members, 'last'), session: textMember(members, 'session', LONGEST_NAME) ?? '' }
    }
    case 'say': {
      const room = textMember(members, 'room', LONGEST_NAME)
      const key = textMember(members, 'key', LONGEST_NAME)
      const text = textMember(members, 'text', LONGEST_MESSAGE)
      if (room === undefined || key === undefined || text === undefined) return malformed('say without a room, a key or a text')
      return { type, room, key, text, sentAt: countMember(members, 'sentAt') }
    }
    default:
      return malformed('of no type that clients send')
  }
}

/** What a server said. Never throws. */
export function decodeServerMessage(bytes: Uint8Array): ServerMessage | Malformed {
  const members = membersOf(bytes)
  return typeof members === 'string' ? malformed(members) : serverMessage(members)
}

function serverMessage(members: Members): ServerMessage | Malformed {
  const type = textMember(members, 'type', LONGEST_NAME)
  const sentAt = countMember(members, 'sentAt')
  const id = countMember(members, 'id')
  const key = textMember(members, 'key', LONGEST_NAME) ?? ''
  const room = textMember(members, 'room', LONGEST_NAME) ?? ''
  const text = textMember(members, 'text', LONGEST_MESSAGE)
  switch (type) {
    case 'ping':
    case 'pong':
      return { type }
    case 'welcome':
      return { type, session: textMember(members, 'session', LONGEST_NAME) ?? '', resumed: members.resumed === true }
    case 'said':
      if (id === 0 || text === undefined) return malformed('said without an id or a text')
      return { type, room, id, from: textMember(members, 'from', LONGEST_NAME) ?? '', text, sentAt }
    case 'news':
      if (id === 0 || text === undefined) return malformed('news without an id or a text')
      return { type, room, id, text, sentAt }
    case 'ack':
      return { type, key, id }
    case 'refused':
      return { type, key, why: textMember(members, 'why', LONGEST_NAME) ?? '', ...(members.again === true && { again: true }) }
    case 'go-away':
      return { type, after: countMember(members, 'after') }
    default:
      return malformed('of no type that servers send')
  }
}

/**
 * The answer to a poll: a list of messages, in JSON. Messages are given as text, so that what is said to many is written once.
 * @param last the newest message of the room, so that who has polled for the first time knows where to begin
 */
export function pollText(last: MessageId, messages: readonly string[]): string {
  return `{"last":${String(last)},"messages":[${messages.join(',')}]}`
}

/** What a poll was answered with. Never throws. @returns undefined: it is no such list; messages that cannot be understood are in it as such */
export function decodePoll(
  bytes: Uint8Array,
): { readonly last: MessageId; readonly messages: readonly (ServerMessage | Malformed)[] } | undefined {
  const text = textOf(bytes)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
  if (!isMembers(value) || !Array.isArray(value.messages)) return undefined
  const messages = value.messages.map((item: unknown) => (isMembers(item) ? serverMessage(item) : malformed('not an object')))
  return { last: countMember(value, 'last'), messages }
}
