import { byteText, respInteger } from '../../wire/resp-buffer.ts'
import { textBytes } from '../../wire/resp-request.ts'
import type { RespValue } from '../../wire/resp.ts'

/* What a server of Redis answers, in the words of Redis. */

export const OK: RespValue = { type: 'string', value: 'OK' }
export const NULL: RespValue = { type: 'null' }
export const NULL_ARRAY: RespValue = { type: 'null', form: 'array' }
const ZERO: RespValue = { type: 'integer', value: 0 }
const ONE: RespValue = { type: 'integer', value: 1 }

export function integer(value: number | bigint): RespValue {
  return value === 0 ? ZERO : value === 1 ? ONE : { type: 'integer', value }
}

export function bulk(value: Uint8Array): RespValue {
  return { type: 'bulk', value }
}

/** @param text one code unit a byte */
export function bulkText(text: string): RespValue {
  return { type: 'bulk', value: textBytes(text) }
}

export function array(items: readonly RespValue[]): RespValue {
  return { type: 'array', items }
}

/** A command cannot be carried out. Its message is the answer, whose first word is the code: `'ERR syntax error'`. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

export function syntaxError(): CommandError {
  return new CommandError('ERR syntax error')
}

export function wrongType(): CommandError {
  return new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value')
}

export function wrongArity(command: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${command}' command`)
}

const INTEGER = /^(0|-?[1-9]\d{0,18})$/

/** A whole number of 64 bits as Redis reads one: no plus, no leading zeros. Throws CommandError. */
export function integerWord(word: Uint8Array, complaint = 'ERR value is not an integer or out of range'): number | bigint {
  const text = byteText(word)
  const value = INTEGER.test(text) ? respInteger(text) : undefined
  if (value === undefined) throw new CommandError(complaint)
  return value
}

/** The same of what is counted, or is a time: what is beyond 2^53 becomes that. Throws CommandError. */
export function countWord(word: Uint8Array, complaint?: string): number {
  const value = Number(integerWord(word, complaint))
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}

/** An option's name. */
export function optionWord(word: Uint8Array): string {
  return byteText(word).toUpperCase()
}
