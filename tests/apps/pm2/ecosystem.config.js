module.exports = {
  apps: [{ name: 'app', script: 'server.js', cwd: '/opt/diting/current', instances: 2, exec_mode: 'cluster' }],
};
