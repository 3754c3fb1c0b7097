mkdir backups
icn-node --storage-backend sled --storage-path ./icn_data/node
icn-cli -q dag add text.txt
