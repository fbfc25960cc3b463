import { readFileSync } from 'node:fs'
import { DAY } from '../../../src/protocols/x509/calendar.ts'
import type { ChainQuestion } from '../../../src/protocols/x509/verify-chain.ts'
import { decodePem } from '../../../src/wire/pem.ts'

const FOLDER = `${import.meta.dirname}/../../vectors/x509`

/** Blocks of a PEM file in which each stands behind a line with its name. */
function namedBlocks(file: string): Map<string, Uint8Array> {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8')
  const names = text.split('\n').filter((_, i, lines) => (lines[i + 1] ?? '').startsWith('-----BEGIN '))
  const blocks = decodePem(text)
  return new Map(names.map((name, i) => [name, blocks[i].bytes]))
}

/** Certificates made by OpenSSL, by their names. */
export const CERTIFICATES: ReadonlyMap<string, Uint8Array> = namedBlocks('certificates.pem')

/** Private keys of some of them. */
export const KEYS: ReadonlyMap<string, Uint8Array> = namedBlocks('keys.pem')

/** One chain, and what a browser should make of it. */
export interface ChainCase {
  readonly title: string
  readonly chain: readonly string[]
  readonly roots: readonly string[]
  readonly name?: string
  readonly purpose?: 'client'
  /** Of the run, the first being 0. */
  readonly day?: number
  /** `'ok'`, or the error. */
  readonly expected: string
  /** How many certificates the path has. */
  readonly path?: number
}

export const CHAINS = JSON.parse(readFileSync(`${FOLDER}/chains.json`, 'utf8')) as readonly ChainCase[]

export function certificate(name: string): Uint8Array {
  const bytes = CERTIFICATES.get(name)
  if (bytes === undefined) throw new Error(`there is no certificate ${name}`)
  return bytes
}

export function questionOf({ chain, roots, name, purpose, day = 0 }: ChainCase): ChainQuestion {
  const now = day * DAY * 1e9
  return { chain: chain.map(certificate), roots: roots.map(certificate), name, now, purpose: purpose ?? 'server' }
}
