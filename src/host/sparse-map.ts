/**
 * A map for what mostly has no entry or one: then it makes no hash table, which would take more memory than all else that some hosts keep in
 * one. A crowd has ten thousand hosts. Iterates in the order of insertion, as `Map`.
 */
export class SparseMap<K, V> {
  /** The only entry, while there is no table. */
  private onlyKey: K | undefined = undefined
  private onlyValue: V | undefined = undefined
  private hasOnly = false
  private table: Map<K, V> | undefined = undefined

  get size(): number {
    if (this.table !== undefined) return this.table.size
    return this.hasOnly ? 1 : 0
  }

  has(key: K): boolean {
    return this.table === undefined ? this.hasOnly && this.onlyKey === key : this.table.has(key)
  }

  get(key: K): V | undefined {
    if (this.table !== undefined) return this.table.get(key)
    return this.hasOnly && this.onlyKey === key ? this.onlyValue : undefined
  }

  set(key: K, value: V): void {
    if (this.table !== undefined) {
      this.table.set(key, value)
    } else if (!this.hasOnly || this.onlyKey === key) {
      this.hasOnly = true
      this.onlyKey = key
      this.onlyValue = value
    } else {
      this.table = new Map<K, V>([
        [this.onlyKey as K, this.onlyValue as V],
        [key, value],
      ])
      this.forgetOnly()
    }
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    if (this.table !== undefined) {
      const wasThere = this.table.delete(key)
      if (this.table.size === 0) this.table = undefined
      return wasThere
    }
    if (!this.hasOnly || this.onlyKey !== key) return false
    this.forgetOnly()
    return true
  }

  clear(): void {
    this.table = undefined
    this.forgetOnly()
  }

  /** What is deleted while this is walked through may still come. */
  values(): Iterable<V> {
    if (this.table !== undefined) return this.table.values()
    return this.hasOnly ? [this.onlyValue as V] : []
  }

  keys(): Iterable<K> {
    if (this.table !== undefined) return this.table.keys()
    return this.hasOnly ? [this.onlyKey as K] : []
  }

  private forgetOnly(): void {
    this.hasOnly = false
    this.onlyKey = undefined
    this.onlyValue = undefined
  }
}

/** A set for what mostly has no member or one. */
export class SparseSet<T> extends SparseMap<T, true> {
  add(member: T): void {
    this.set(member, true)
  }
}
