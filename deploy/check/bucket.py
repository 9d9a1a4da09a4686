"""Looks into a bucket with boto3, an S3 client that is not ours.

  bucket.py make s3://bucket               makes it
  bucket.py objects s3://bucket/prefix     prints every key and size
  bucket.py pending s3://bucket/prefix     prints every multipart upload that was begun and neither completed nor aborted
  bucket.py put s3://bucket/key            puts standard input there
  bucket.py remove s3://bucket/key         removes it
  bucket.py lifecycle s3://bucket          gives it the rules on standard input, and prints those that it has then
  bucket.py presign s3://bucket/key        prints a URL by which anybody may GET the object for a day
"""
import json
import os
import sys
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

action, url = sys.argv[1:]
bucket, prefix = urlsplit(url).netloc, urlsplit(url).path.lstrip("/")
config = Config(signature_version="s3v4", response_checksum_validation="when_required")
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT"], region_name=os.environ["AWS_REGION"], config=config)

if action == "make":
    s3.create_bucket(Bucket=bucket)
elif action == "objects":
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            print(found["Key"], found["Size"])
elif action == "pending":
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        for upload in page.get("Uploads", []):
            print(upload["Key"], upload["UploadId"])
elif action == "put":
    s3.put_object(Bucket=bucket, Key=prefix, Body=sys.stdin.buffer.read())
elif action == "remove":
    s3.delete_object(Bucket=bucket, Key=prefix)
elif action == "lifecycle":
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=json.load(sys.stdin))
    print(json.dumps(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]))
elif action == "presign":
    print(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": prefix}, ExpiresIn=86_400))
else:
    sys.exit(__doc__)
