import { Asn1Tag, contextTag, type DerReader } from './asn1.ts'
import { decodeAsciiText } from './asn1-text.ts'
import {
  der,
  derAscii,
  derBoolean,
  derInteger,
  derNamedBits,
  derObjectIdentifier,
  derOctetString,
  derSequence,
} from './asn1-writer.ts'

// Extensions of certificates (RFC 5280 section 4.2): those of them that web servers' and their issuers' certificates have.

/** Object identifiers of extensions (RFC 5280 section 4.2.1). */
export const ExtensionIdentifier = {
  SUBJECT_KEY_IDENTIFIER: '2.5.29.14',
  KEY_USAGE: '2.5.29.15',
  SUBJECT_ALT_NAME: '2.5.29.17',
  BASIC_CONSTRAINTS: '2.5.29.19',
  NAME_CONSTRAINTS: '2.5.29.30',
  AUTHORITY_KEY_IDENTIFIER: '2.5.29.35',
  EXTENDED_KEY_USAGE: '2.5.29.37',
} as const

/** What a key is for, in the order of the bits (RFC 5280 section 4.2.1.3). */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

export type KeyUsage = (typeof KEY_USAGES)[number]

/** Object identifiers of purposes (RFC 5280 section 4.2.1.12). */
export const KeyPurpose = { ANY: '2.5.29.37.0', SERVER_AUTH: '1.3.6.1.5.5.7.3.1', CLIENT_AUTH: '1.3.6.1.5.5.7.3.2' } as const

/** One name of a subject (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  | { readonly type: 'dns'; readonly name: string }
  /** 4 bytes, or 16. */
  | { readonly type: 'ip'; readonly address: Uint8Array }
  | { readonly type: 'email' | 'uri'; readonly name: string }
  /** Other sorts of names, by their context-specific tag. */
  | { readonly type: 'other'; readonly tag: number }

/** Names that an authority may vouch for, or may not (RFC 5280 section 4.2.1.10). */
export type NameSubtree =
  /** This name and all below it; with a full stop in front, only those below. */
  | { readonly type: 'dns'; readonly name: string }
  /** An address and a mask, 4 bytes each, or 16. */
  | { readonly type: 'ip'; readonly address: Uint8Array; readonly mask: Uint8Array }
  /** Names of a sort that this codec does not know, by their context-specific tag. */
  | { readonly type: 'other'; readonly tag: number }

export interface Extension {
  /** In dotted form. */
  readonly identifier: string
  /** Who does not know it must refuse the certificate. */
  readonly isCritical: boolean
  /** DER. */
  readonly value: Uint8Array
}

/** The extensions that this codec knows; undefined: the certificate has none of that sort. */
export interface KnownExtensions {
  /** Whether the subject is an authority, and of how many authorities below it at most (RFC 5280 section 4.2.1.9). */
  readonly basicConstraints?: { readonly isAuthority: boolean; readonly pathLength?: number }
  readonly keyUsage?: readonly KeyUsage[]
  /** Object identifiers in dotted form. */
  readonly extendedKeyUsage?: readonly string[]
  readonly subjectAltName?: readonly GeneralName[]
  readonly subjectKeyIdentifier?: Uint8Array
  readonly authorityKeyIdentifier?: Uint8Array
  /** An empty list says nothing. */
  readonly nameConstraints?: { readonly permitted: readonly NameSubtree[]; readonly excluded: readonly NameSubtree[] }
}

/** Certificates have about ten. */
const EXTENSION_LIMIT = 64

interface LocatedExtension {
  readonly extension: Extension
  /** Of what is inside its octet string. */
  readonly reader: DerReader
}

/** Reads the extensions at the end of a TBSCertificate of a version, if there are any. */
export function readExtensions(
  tbs: DerReader,
  version: number,
): { readonly extensions: readonly Extension[]; readonly known: KnownExtensions } {
  const located = readLocated(tbs, version)
  return { extensions: located.map(({ extension }) => extension), known: readKnown(located) }
}

function readLocated(tbs: DerReader, version: number): LocatedExtension[] {
  if (!tbs.sees(contextTag(3, 'constructed'))) return []
  if (version !== 3) throw tbs.error('invalid', tbs.offset, `extensions in a certificate of version ${String(version)}`)
  const explicit = tbs.enter(contextTag(3, 'constructed'))
  const list = explicit.enter(Asn1Tag.SEQUENCE)
  explicit.finish()
  const found: LocatedExtension[] = []
  const identifiers = new Set<string>()
  while (!list.isAtEnd) {
    const { offset } = list
    const located = readExtension(list)
    if (identifiers.has(located.extension.identifier)) throw tbs.error('invalid', offset, 'the same extension twice')
    if (found.length === EXTENSION_LIMIT) throw tbs.error('oversized', offset, `more than ${String(EXTENSION_LIMIT)} extensions`)
    identifiers.add(located.extension.identifier)
    found.push(located)
  }
  return found
}

function readExtension(list: DerReader): LocatedExtension {
  const inside = list.enter(Asn1Tag.SEQUENCE)
  const identifier = inside.objectIdentifier()
  const { offset } = inside
  const isCritical = inside.sees(Asn1Tag.BOOLEAN) && inside.boolean()
  if (!isCritical && inside.offset !== offset) throw list.error('invalid', offset, 'a default value is written out')
  const reader = inside.enterString(Asn1Tag.OCTET_STRING)
  inside.finish()
  return { extension: { identifier, isCritical, value: reader.bytes.subarray(reader.offset, reader.end) }, reader }
}

const READERS: Readonly<Record<string, (reader: DerReader) => KnownExtensions>> = {
  [ExtensionIdentifier.BASIC_CONSTRAINTS]: (reader) => ({ basicConstraints: readBasicConstraints(reader) }),
  [ExtensionIdentifier.KEY_USAGE]: (reader) => ({ keyUsage: readKeyUsage(reader) }),
  [ExtensionIdentifier.EXTENDED_KEY_USAGE]: (reader) => ({ extendedKeyUsage: readPurposes(reader) }),
  [ExtensionIdentifier.SUBJECT_ALT_NAME]: (reader) => ({ subjectAltName: readGeneralNames(reader) }),
  [ExtensionIdentifier.SUBJECT_KEY_IDENTIFIER]: (reader) => ({ subjectKeyIdentifier: reader.content(Asn1Tag.OCTET_STRING) }),
  [ExtensionIdentifier.AUTHORITY_KEY_IDENTIFIER]: readAuthorityKeyIdentifier,
  [ExtensionIdentifier.NAME_CONSTRAINTS]: readNameConstraints,
}

/** Whether this codec knows what an extension means. */
export function isKnownExtension(identifier: string): boolean {
  return Object.hasOwn(READERS, identifier)
}

function readKnown(extensions: readonly LocatedExtension[]): KnownExtensions {
  const known = {}
  for (const { extension, reader } of extensions) {
    if (!isKnownExtension(extension.identifier)) continue
    Object.assign(known, READERS[extension.identifier](reader))
    reader.finish()
  }
  return known
}

function readBasicConstraints(outer: DerReader): { isAuthority: boolean; pathLength?: number } {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  const isAuthority = reader.sees(Asn1Tag.BOOLEAN) && reader.boolean()
  const pathLength = reader.sees(Asn1Tag.INTEGER) ? reader.smallInteger(1000) : undefined
  reader.finish()
  return pathLength === undefined ? { isAuthority } : { isAuthority, pathLength }
}

function readKeyUsage(reader: DerReader): KeyUsage[] {
  const { bytes, unusedBits } = reader.bitString()
  const count = bytes.length * 8 - unusedBits
  return KEY_USAGES.filter((_, bit) => bit < count && (bytes[bit >> 3] & (0x80 >> (bit & 7))) !== 0)
}

function readPurposes(outer: DerReader): string[] {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  const purposes: string[] = []
  while (!reader.isAtEnd) purposes.push(reader.objectIdentifier())
  return purposes
}

const EMAIL = contextTag(1, 'primitive')
const DNS_NAME = contextTag(2, 'primitive')
const URI = contextTag(6, 'primitive')
const IP_ADDRESS = contextTag(7, 'primitive')

function readGeneralNames(outer: DerReader): GeneralName[] {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  const names: GeneralName[] = []
  while (!reader.isAtEnd) names.push(readGeneralName(reader))
  return names
}

function readGeneralName(reader: DerReader): GeneralName {
  const element = reader.next()
  const { tag, contentStart, end } = element
  if (tag === DNS_NAME) return { type: 'dns', name: decodeAsciiText(reader, element) }
  if (tag === EMAIL || tag === URI) return { type: tag === EMAIL ? 'email' : 'uri', name: decodeAsciiText(reader, element) }
  if (tag !== IP_ADDRESS) return { type: 'other', tag: tag & 0x1f }
  const length = end - contentStart
  if (length !== 4 && length !== 16) throw reader.error('invalid', contentStart, 'an IP address of neither 4 nor 16 bytes')
  return { type: 'ip', address: reader.bytes.subarray(contentStart, end) }
}

const PERMITTED = contextTag(0, 'constructed')
const EXCLUDED = contextTag(1, 'constructed')

function readNameConstraints(outer: DerReader): KnownExtensions {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  const permitted = reader.sees(PERMITTED) ? readSubtrees(reader.enter(PERMITTED)) : []
  const excluded = reader.sees(EXCLUDED) ? readSubtrees(reader.enter(EXCLUDED)) : []
  reader.finish()
  return { nameConstraints: { permitted, excluded } }
}

function readSubtrees(reader: DerReader): NameSubtree[] {
  const subtrees: NameSubtree[] = []
  while (!reader.isAtEnd) {
    const subtree = reader.enter(Asn1Tag.SEQUENCE)
    subtrees.push(readSubtree(subtree))
    // A minimum or maximum of levels, which RFC 5280 does not use.
    subtree.finish()
  }
  return subtrees
}

function readSubtree(reader: DerReader): NameSubtree {
  const element = reader.next()
  const { tag, contentStart, end } = element
  if (tag === DNS_NAME) return { type: 'dns', name: decodeAsciiText(reader, element) }
  if (tag !== IP_ADDRESS) return { type: 'other', tag: tag & 0x1f }
  const half = (end - contentStart) / 2
  if (half !== 4 && half !== 16) throw reader.error('invalid', contentStart, 'neither 4 nor 16 bytes each of address and mask')
  const { bytes } = reader
  return {
    type: 'ip',
    address: bytes.subarray(contentStart, contentStart + half),
    mask: bytes.subarray(contentStart + half, end),
  }
}

/** Only the key identifier counts; issuer and serial number, which may stand there too, are passed over. */
function readAuthorityKeyIdentifier(outer: DerReader): KnownExtensions {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  const keyIdentifier = reader.sees(contextTag(0, 'primitive')) ? reader.content(contextTag(0, 'primitive')) : undefined
  while (!reader.isAtEnd) reader.next()
  return keyIdentifier === undefined ? {} : { authorityKeyIdentifier: keyIdentifier }
}

/** Extensions in the order in which they are known to everybody; critical are those that RFC 5280 section 4.2.1 wants so. */
export function encodeExtensions(known: KnownExtensions): Extension[] {
  const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltName, subjectKeyIdentifier, authorityKeyIdentifier } = known
  const { nameConstraints } = known
  const extensions: Extension[] = []
  const add = (identifier: string, isCritical: boolean, value: Uint8Array) => extensions.push({ identifier, isCritical, value })
  if (basicConstraints !== undefined) {
    const { isAuthority, pathLength } = basicConstraints
    const authority = isAuthority ? [derBoolean(true)] : []
    const length = pathLength === undefined ? [] : [derInteger(BigInt(pathLength))]
    add(ExtensionIdentifier.BASIC_CONSTRAINTS, true, derSequence(...authority, ...length))
  }
  if (keyUsage !== undefined) {
    add(ExtensionIdentifier.KEY_USAGE, true, derNamedBits(KEY_USAGES.map((usage) => keyUsage.includes(usage))))
  }
  if (extendedKeyUsage !== undefined) {
    add(ExtensionIdentifier.EXTENDED_KEY_USAGE, false, derSequence(...extendedKeyUsage.map(derObjectIdentifier)))
  }
  if (subjectAltName !== undefined) {
    add(ExtensionIdentifier.SUBJECT_ALT_NAME, false, derSequence(...subjectAltName.map(encodeGeneralName)))
  }
  if (subjectKeyIdentifier !== undefined) {
    add(ExtensionIdentifier.SUBJECT_KEY_IDENTIFIER, false, derOctetString(subjectKeyIdentifier))
  }
  if (authorityKeyIdentifier !== undefined) {
    const value = derSequence(der(contextTag(0, 'primitive'), authorityKeyIdentifier))
    add(ExtensionIdentifier.AUTHORITY_KEY_IDENTIFIER, false, value)
  }
  if (nameConstraints !== undefined) {
    const { permitted, excluded } = nameConstraints
    const subtrees = (tag: number, list: readonly NameSubtree[]) =>
      list.length === 0 ? [] : [der(tag, ...list.map(encodeSubtree))]
    const value = derSequence(...subtrees(PERMITTED, permitted), ...subtrees(EXCLUDED, excluded))
    add(ExtensionIdentifier.NAME_CONSTRAINTS, true, value)
  }
  return extensions
}

function encodeSubtree(subtree: NameSubtree): Uint8Array {
  if (subtree.type === 'other') throw new RangeError('names of other sorts are not written')
  return derSequence(subtree.type === 'dns' ? derAscii(subtree.name, DNS_NAME) : der(IP_ADDRESS, subtree.address, subtree.mask))
}

function encodeGeneralName(name: GeneralName): Uint8Array {
  switch (name.type) {
    case 'ip':
      return der(IP_ADDRESS, name.address)
    case 'dns':
      return derAscii(name.name, DNS_NAME)
    case 'email':
      return derAscii(name.name, EMAIL)
    case 'uri':
      return derAscii(name.name, URI)
    case 'other':
      throw new RangeError('names of other sorts are not written')
  }
}

/** An extension in DER. */
export function encodeExtension({ identifier, isCritical, value }: Extension): Uint8Array {
  const critical = isCritical ? [derBoolean(true)] : []
  return derSequence(derObjectIdentifier(identifier), ...critical, derOctetString(value))
}
