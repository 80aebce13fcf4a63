"""The second engine: facts and scores by Spark, for a base that no longer fits one machine (docs/spark.md).

Spark reads the checked tables, brings the rows of each customer together and writes Parquet folders; what a
fact or a score is, the same compiled functions and models say as on one machine. PySpark is imported in this
folder only.
"""
