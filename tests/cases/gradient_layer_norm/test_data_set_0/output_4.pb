BdshiftJoÄ
¼›M»·î»Œ'9;Yé@¼