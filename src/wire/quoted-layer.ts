import { field, hex } from './describe.ts'
import type { Field } from './field.ts'
import { read16, read32 } from './integer.ts'
import { IpProtocol } from './ipv4.ts'

/** The bytes of a quoted packet that nobody reads, as a list of at most one field. */
export function quotedData(start: number, end: number): Field[] {
  return start < end ? [field('icmp.quote.data', 'Data', `${String(end - start)} bytes`, start, end)] : []
}

/**
 * What an ICMP error's quotation shows of a quoted packet of TCP or UDP: as much as its first 8 bytes say. RFC 792.
 * @param protocol TCP's or UDP's number
 */
export function quotedPorts(bytes: Uint8Array, start: number, end: number, protocol: number): Field[] {
  if (end - start < 8) return quotedData(start, end)
  const prefix = protocol === IpProtocol.TCP ? 'tcp' : 'udp'
  const fields = [
    field(`${prefix}.srcport`, 'Source port', read16(bytes, start), start, start + 2),
    field(`${prefix}.dstport`, 'Destination port', read16(bytes, start + 2), start + 2, start + 4),
  ]
  if (protocol === IpProtocol.TCP) {
    fields.push(field('tcp.seq_raw', 'Sequence number', read32(bytes, start + 4), start + 4, start + 8))
  } else {
    fields.push(field('udp.length', 'Length', read16(bytes, start + 4), start + 4, start + 6))
    fields.push(field('udp.checksum', 'Checksum', hex(read16(bytes, start + 6), 4), start + 6, start + 8))
  }
  return [...fields, ...quotedData(start + 8, end)]
}
