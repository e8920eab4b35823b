// What vitest 5 needs of the platform and Node 20 lacks.

Map.groupBy ??= (items, keyOf) => {
  const groups = new Map()
  let index = 0
  for (const item of items) {
    const key = keyOf(item, index++)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

Object.groupBy ??= (items, keyOf) => {
  const groups = Object.create(null)
  for (const [key, group] of Map.groupBy(items, keyOf)) groups[key] = group
  return groups
}

Promise.withResolvers ??= () => {
  const resolvers = {}
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }))
  return resolvers
}
