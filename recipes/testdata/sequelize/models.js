const { Sequelize, DataTypes } = require('sequelize')

const sequelize = new Sequelize({ dialect: 'postgres' })

const Author = sequelize.define('author', {
  name: { type: DataTypes.STRING(100), allowNull: false },
  email: { type: DataTypes.STRING, allowNull: false, unique: true },
})
const Post = sequelize.define('post', {
  title: { type: DataTypes.STRING(200), allowNull: false, defaultValue: 'untitled' },
  body: DataTypes.TEXT,
  state: DataTypes.ENUM('draft', 'live'),
}, { indexes: [{ fields: ['title'] }] })
Author.hasMany(Post, { foreignKey: { allowNull: false } })

module.exports = { sequelize }
