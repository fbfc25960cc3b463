/** One named part of a header, as the inspector shows it. Ranges are byte offsets into the whole frame. */
export interface Field {
  /** Stable dotted name: `'tcp.flags.syn'`; Wireshark's display-filter name where there is one. */
  readonly name: string
  /** For people: `'Sequence number'`. */
  readonly label: string
  /** The value in words: `'0x0800 (IPv4)'`. */
  readonly value: string
  /** First byte. */
  readonly start: number
  /** One past the last byte; at least `start + 1`, also for fields of a few bits. */
  readonly end: number
  /** Parts of this field, in order. */
  readonly fields?: readonly Field[]
}

/** One protocol's share of a frame. */
export interface Layer {
  /** Lower case: `'ethernet'`, `'tcp'`. */
  readonly protocol: string
  /** For people: `'Transmission Control Protocol'`. */
  readonly title: string
  /** One line: `'49152 → 80 [SYN] seq 0 win 65535'`. */
  readonly summary: string
  readonly start: number
  readonly end: number
  readonly fields: readonly Field[]
  /** What is wrong with these bytes, if anything: `'checksum should be 0x1c46'`. */
  readonly problem?: string
}
