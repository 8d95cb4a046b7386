// Prints the SQL that makes the tables of all models; it needs no database.
const { sequelize } = require('./models')

// What an empty database would answer to Sequelize's own questions.
const answer = (sql) => (/enum_name/.test(sql) ? null : /pg_range/.test(sql) ? { rows: [] } : [])

sequelize.query = async (sql) => {
  const text = typeof sql === 'string' ? sql : sql.query
  if (/^(select|with)/i.test(text)) return answer(text)
  console.log(text.replace(/;?$/, ';'))
  return [[], []]
}

sequelize.sync().catch((err) => { console.error(err); process.exit(1) })
