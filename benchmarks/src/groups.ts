/** Members by key, in the order they come in. */
export function groups<Key, Member>(members: readonly Member[], keyOf: (member: Member) => Key): [Key, Member[]][] {
  const all = new Map<Key, Member[]>()
  for (const member of members) {
    const key = keyOf(member)
    const own = all.get(key)
    if (own === undefined) all.set(key, [member])
    else own.push(member)
  }
  return [...all]
}
