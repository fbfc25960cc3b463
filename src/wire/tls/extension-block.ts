import type { TlsReader } from './reader.ts'
import type { TlsWriter } from './writer.ts'

/** An extension as bytes: RFC 8446 section 4.2. */
export interface RawExtension {
  /** A value of `ExtensionType`, or any other from 0 to 65535. */
  readonly type: number
  readonly data: Uint8Array
}

/** What every block of extensions has beside the extensions that its message knows. */
export interface ExtensionBlock {
  /** Those that this message's codec does not know, as they are. */
  readonly others?: readonly RawExtension[] | undefined
  /**
   * Types in the order of the wire. Decoded: all of them. For encoding it may be left out, and may name just those that have to come
   * first; types that are not in the block count for nothing.
   */
  readonly order?: readonly number[] | undefined
}

/** How the data of one extension is read and written. */
export interface ExtensionCodec<Value> {
  readonly type: number
  /**
   * Need not look whether something is left over.
   * @returns undefined for what is well formed and says nothing that is known here: it is kept among the others, as it is
   */
  decode(reader: TlsReader): Value | undefined
  encode(writer: TlsWriter, value: Value): void
}

/** A codec for each extension that a message knows, in the order in which they are written. */
export type ExtensionCodecs<Block extends ExtensionBlock> = {
  readonly [Key in Exclude<keyof Block, keyof ExtensionBlock>]-?: ExtensionCodec<Exclude<Block[Key], undefined>>
}

type AnyCodec = ExtensionCodec<unknown>

/**
 * Decodes `Extension extensions<0..2^16-1>`, to the end of the reader's bytes.
 * @param isLast type that, where it is there, has to be the last one
 * @throws TlsDecodeError when a type is there twice (illegal_parameter, RFC 8446 section 4.2), and for what does not hold together
 */
export function decodeExtensions<Block extends ExtensionBlock>(
  outer: TlsReader,
  codecs: ExtensionCodecs<Block>,
  isLast = -1,
): Block {
  const reader = outer.vector16()
  const byType = new Map(Object.entries<AnyCodec>(codecs).map(([key, codec]) => [codec.type, { key, codec }]))
  const block: Record<string, unknown> = {}
  const others: RawExtension[] = []
  const seen = new Set<number>()
  while (!reader.isEmpty) {
    const at = reader.at
    const type = reader.uint16()
    if (seen.has(type)) reader.forbid(`extension ${String(type)} is there twice`, at)
    seen.add(type)
    const content = reader.vector16()
    const known = byType.get(type)
    const start = content.at
    const value = known?.codec.decode(content)
    if (known !== undefined) content.done()
    if (known === undefined || value === undefined) others.push({ type, data: content.bytes.subarray(start, content.end) })
    else block[known.key] = value
    if (type === isLast && !reader.isEmpty) reader.forbid(`extension ${String(type)} is not the last one`, at)
  }
  return { ...block, others, order: [...seen] } as unknown as Block
}

/**
 * Writes a block of extensions with its length.
 * @param isLast type that, where it is there, is written last
 * @throws RangeError when something is too long for its length
 */
export function encodeExtensions<Block extends ExtensionBlock>(
  writer: TlsWriter,
  block: Block,
  codecs: ExtensionCodecs<Block>,
  isLast = -1,
): void {
  const values = block as Readonly<Record<string, unknown>>
  const writers = new Map<number, () => void>()
  for (const [key, codec] of Object.entries<AnyCodec>(codecs)) {
    const value = values[key]
    if (value === undefined) continue
    writers.set(codec.type, () => {
      codec.encode(writer, value)
    })
  }
  for (const { type, data } of block.others ?? []) writers.set(type, () => writer.fixed(data))
  const list = writer.open(2)
  const types = new Set([...(block.order ?? []), ...writers.keys()])
  if (types.delete(isLast)) types.add(isLast)
  for (const type of types) {
    const write = writers.get(type)
    if (write === undefined) continue
    writer.uint16(type)
    const mark = writer.open(2)
    write()
    writer.close(mark, 2)
  }
  writer.close(list, 2)
}
