module nta/node-image/pause

go 1.26
